"""What `grade doctor` says about torch: its size without a GPU, and the version a course was measured with."""

import shutil
from pathlib import Path

import pytest

from grader.course.torch_build import CPU_INDEX, advice, gpu_libraries, measured_with

ROOT = Path(__file__).parents[2]
LIBRARIES = {"nvidia-cublas": 600_000_000, "triton": 700_000_000, "nvidia-cudnn-cu13": 2_000_000_000}
MEASURED = {"2.13.0": ["copy_first.length_10", "copy_first.length_30"]}
CUDA = [
    "torch 2.13.0 was built for CUDA 13.0, and it finds no GPU here: 3.3 GB of GPU libraries are not used. For the CPU "
    "build: pip uninstall -y torch nvidia-cublas nvidia-cudnn-cu13 triton && pip install torch==2.13.0 --index-url "
    "https://download.pytorch.org/whl/cpu"
]
OLDER = (
    "Warning: torch 2.12.1 is installed, and the error rates of 2 learning checks were measured with torch 2.13.0: "
    "trained models may score differently. For that version: pip install torch==2.13.0"
)


@pytest.mark.parametrize(
    ("installed", "cuda", "gpus", "libraries", "measured", "lines"),
    [
        ("2.13.0+cpu", None, 0, {}, MEASURED, []),
        ("2.13.2+cpu", None, 0, {}, MEASURED, []),
        ("2.13.0", "13.0", 1, LIBRARIES, MEASURED, []),
        ("2.13.0", "13.0", 0, LIBRARIES, MEASURED, CUDA),
        ("2.12.1+cpu", None, 0, {}, MEASURED, [f"{OLDER} --index-url {CPU_INDEX}"]),
        ("2.12.1", "12.8", 2, LIBRARIES, MEASURED, [OLDER]),
        ("2.12.1+cpu", None, 0, {}, {}, []),
    ],
)
def test_what_fits_is_not_mentioned(installed, cuda, gpus, libraries, measured, lines):
    assert advice(installed, cuda, gpus, libraries, measured) == lines


def test_a_build_whose_libraries_are_not_packages_is_advised_too():
    (line,) = advice("2.13.0", "13.0", 0, {}, MEASURED)
    assert "finds no GPU here. For the CPU build: pip uninstall -y torch && pip install" in line


def test_each_version_that_differs_is_named():
    measured = {"2.9.1": ["a.learns"], "2.10.0": ["b.learns"], "2.13.0": ["c.learns"]}
    lines = advice("2.13.1+cpu", None, 0, {}, measured)
    assert len(lines) == 2
    assert "error rates of a.learns were measured with torch 2.9.1" in lines[0]
    assert "error rates of b.learns were measured with torch 2.10.0" in lines[1]


@pytest.fixture
def site(tmp_path):
    """A site-packages folder with packages as pip leaves them behind: files, RECORD and metadata."""

    def install(name, size, *requires):
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        module = f"{name.replace('-', '_')}.bin"
        (tmp_path / module).write_bytes(bytes(size))
        needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}")
        (info / "RECORD").write_text(f"{module},,{size}\n")
        return [str(tmp_path)]

    return install


def test_libraries_for_gpus_are_those_that_torch_requires(site):
    """Directly or not, whatever marker stands behind them; not those of others, nor those that are not installed."""
    site("torch", 9, "numpy", "triton==3.7.0; platform_system == 'Linux'", "cuda-toolkit[cublas]", "nvidia-absent")
    site("numpy", 8)
    site("triton", 7, "setuptools")
    site("cuda-toolkit", 0, 'nvidia-cublas; extra == "cublas"')
    site("nvidia-cublas", 500)
    folder = site("nvidia-other", 60)
    assert gpu_libraries(folder) == {"triton": 7, "cuda-toolkit": 0, "nvidia-cublas": 500}


def test_the_bundled_course_was_measured_with_one_version_of_torch():
    ((version, checks),) = measured_with(ROOT).items()
    assert version.startswith("2.") and "+" not in version
    assert "adding_problem.learns" in checks and len(checks) == 7


def test_a_calibration_that_cannot_be_read_is_passed_over(tmp_path):
    shutil.copytree(ROOT / "exercises/copy_first/calibration", tmp_path / "exercises/copy_first/calibration")
    (tmp_path / "exercises/copy_first/calibration/length_10.cpu.json").write_text("{")
    assert [len(checks) for checks in measured_with(tmp_path).values()] == [3]


@pytest.mark.slow
def test_doctor_compares_torch_with_the_course(cli, tmp_path):
    """What students get holds the calibrations, so that they are told too."""
    assert "Warning" not in cli("doctor").stdout
    course = tmp_path / "given"
    assert cli("release", course).returncode == 0
    for file in course.glob("exercises/*/calibration/*.json"):
        (version,) = measured_with(ROOT)
        file.write_text(file.read_text().replace(f'"torch":"{version}', '"torch":"2.3.1'))
    result = cli("doctor", "--course", course)
    assert (result.returncode, result.stderr) == (0, "")
    last = result.stdout.splitlines()[-1]
    assert last.startswith("Warning: torch ") and "of 7 learning checks were measured with torch 2.3.1" in last
    assert f"pip install torch==2.3.1 --index-url {CPU_INDEX}" in last
