"""What is built and installed elsewhere: one name in site-packages, the bundled course inside, no solutions."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import trove_classifiers
from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the sdist, built from the checkout with the installed build backend."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return wheel, sdist


def test_wheel_holds_the_course_and_no_solutions(built):
    names = zipfile.ZipFile(built[0]).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"grader"}
    assert "grader/bundled/exercises/my_rnn/__init__.py" in names
    assert "grader/bundled/exercises/my_rnn/starter.py" in names
    assert "grader/bundled/plugins/html_report/__init__.py" in names
    assert "grader/bundled/reports/submission.html" in names
    assert "grader/templates/learning/first-mistake.py.txt" in names
    assert not [name for name in names if "solutions" in name or "tests/" in name or "__pycache__" in name]


def test_sdist_holds_solutions_and_tests(built):
    with tarfile.open(built[1]) as sdist:
        names = sdist.getnames()
    inside = {name.partition("/")[2] for name in names}
    assert {"solutions/reference/my_rnn.py", "tests/conftest.py", "LICENSE", "Makefile", "constraints.txt"} <= inside


def test_metadata_is_complete(built):
    """As an index and an installer read it: valid, with its license by SPDX and in full, and links."""
    wheel = zipfile.ZipFile(built[0])
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    found = Metadata.from_email(wheel.read(name), validate=True)
    assert (found.name, found.license_expression, found.license_files) == ("rnn-grader", "MIT", ["LICENSE"])
    assert wheel.read(name.replace("METADATA", "licenses/LICENSE")) == (ROOT / "LICENSE").read_bytes()
    assert found.author == "The rnn-grader authors" and found.keywords and found.summary and found.description
    assert found.description_content_type == "text/markdown"
    assert found.project_urls.keys() == {"Homepage", "Documentation", "Issues", "Changelog"}
    assert set(found.classifiers) <= trove_classifiers.classifiers
    assert not [name for name in found.classifiers if name.startswith("License ::")]  # PEP 639: one or the other
    assert {"Framework :: Pytest", "Typing :: Typed", "Programming Language :: Python :: 3.14"} <= set(
        found.classifiers
    )
    assert {"batch", "cluster", "postgres", "all"} <= set(found.provides_extra)
    with tarfile.open(built[1]) as sdist:
        (info,) = (name for name in sdist.getnames() if name.count("/") == 1 and name.endswith("/PKG-INFO"))
        same = Metadata.from_email(sdist.extractfile(info).read(), validate=True)
    assert (same.license_expression, same.license_files) == ("MIT", ["LICENSE"])


def test_installed_wheel_grades_with_its_bundled_course(built, tmp_path, reference):
    target = tmp_path / "site"
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(built[0])]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    put_there = {path.name for path in target.iterdir() if not path.name.endswith(".dist-info")}
    assert put_there == {"grader", "bin"}  # pip puts the console scripts into bin
    (tmp_path / "my_rnn.py").write_text(reference)
    run = "import sys; sys.path.insert(0, sys.argv.pop(1)); from grader.cli.main import main; main()"
    arguments = ["submit", str(tmp_path / "my_rnn.py"), "--exercise", "my_rnn", "--output", str(tmp_path / "out")]
    result = subprocess.run(
        [sys.executable, "-c", run, str(target), *arguments],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("GRADE_")},
        capture_output=True,
        text=True,
    )
    assert "Total: 10 of 10 points" in result.stdout, result.stderr
    assert (tmp_path / "out" / "my_rnn.html").is_file()
