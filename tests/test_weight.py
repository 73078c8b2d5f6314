"""What an install weighs, and what each command imports: budgets."""

import importlib.metadata
import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from grader.course.torch_build import CPU_INDEX

ROOT = Path(__file__).parents[1]
MEGABYTES = 65
"""What a plain install may add to torch and numpy and all that they require."""
COURSE = ROOT / "tests/courses/means"
HEAVY = {"IPython", "PIL", "dask", "distributed", "faker", "matplotlib", "nbformat", "sqlalchemy", "watchfiles", "yaml"}
RUN = """
import atexit, json, sys
report = sys.argv.pop(1)
atexit.register(lambda: json.dump(sorted({name.partition(".")[0] for name in sys.modules}), open(report, "w")))
from grader.cli.main import main
main()
"""


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirements):
    """The installed distributions that are required, directly or not, by their normalised names."""
    found = {}
    waiting = [(requirement, "") for requirement in map(Requirement, requirements)]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = normalised(requirement.name)
        if (name, extras := frozenset(requirement.extras)) in found:
            continue
        distribution = importlib.metadata.distribution(name)
        found[name, extras] = distribution
        for line in distribution.requires or []:
            waiting += [(Requirement(line), extra) for extra in ("", *extras)]
    return {name: distribution for (name, _), distribution in found.items()}


def bytes_of(distribution):
    files = [Path(distribution.locate_file(file)) for file in distribution.files or [] if file.suffix != ".pyc"]
    return sum(file.stat().st_size for file in files if file.is_file())


def test_a_plain_install_is_small():
    """Beside torch and numpy, by installed metadata without compiled files: 49 MB when this was written."""
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    given = closure(["torch", "numpy"])
    weights = {name: bytes_of(one) / 1e6 for name, one in closure(required).items() if name not in given}
    assert {"faker", "ipython", "safetensors"} <= weights.keys()
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:8]
    assert sum(weights.values()) <= MEGABYTES, heaviest


def test_constraints_name_what_is_required_and_no_more():
    """All that `.[test]` brings has its version there; what nothing requires any more is gone."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    pinned = {normalised(line.partition("==")[0]) for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    required = [
        line for line in [*project["dependencies"], *itertools.chain(*extras.values())] if "rnn-grader" not in line
    ]
    installed = closure(required)
    assert installed.keys() <= pinned
    lines = [Requirement(line) for one in installed.values() for line in one.requires or []]
    on_other_pythons = {normalised(line.name) for line in lines if "extra" not in str(line.marker)}
    assert pinned <= installed.keys() | on_other_pythons


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{name}.md" for name in ("students", "instructors", "operators"))]
)
def test_a_page_says_first_how_to_get_torch_for_the_cpu(page):
    """A naive `pip install` brings gigabytes; what `grade release` writes is looked at in `course/test_release.py`."""
    text = (ROOT / page).read_text()
    first = next(line for line in text.splitlines() if "pip install " in line)
    assert re.search(rf"pip install torch(==[\d.]+)? --index-url {re.escape(CPU_INDEX)}$", first)
    assert "--torch-backend=cpu" in text and "5.7 GB" in text


@pytest.fixture
def imported(tmp_path):
    """The modules at the top that a command has imported when it ends."""

    def run(*arguments):
        command = [sys.executable, "-c", RUN, tmp_path / "modules.json", *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return set(json.loads((tmp_path / "modules.json").read_text()))

    return run


@pytest.mark.slow
def test_a_command_imports_what_it_needs(imported):
    """A model that is trained has a curve; a page without one is no special case."""
    reference = ("submit", COURSE / "solutions/reference", "--course", COURSE)
    assert "numpy" in imported("exercises") and not imported("exercises") & HEAVY
    answered = imported(*reference, "--format", "json")
    assert "safetensors" in answered and not answered & (HEAVY | {"jinja2", "rich"})
    answered = imported(*reference, "--format", "text")
    assert "jinja2" in answered and not answered & HEAVY


@pytest.mark.slow
def test_the_bundled_exercise_imports_no_more(imported):
    answered = imported("submit", ROOT / "solutions/reference", "--exercise", "my_rnn", "--format", "json")
    assert not answered & (HEAVY | {"jinja2", "rich"})
