"""Which versions graded: part of how a grade came about."""

import importlib.metadata
import platform


def versions() -> dict[str, str]:
    """Name -> version of what can change a result."""
    packages = ("rnn-grader", "torch", "numpy")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {**found, "Python": platform.python_version(), "machine": platform.machine()}
