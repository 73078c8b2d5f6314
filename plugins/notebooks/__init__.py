"""The format for Jupyter notebooks. They are read only by `converter.py`, in a jailed worker."""

from pathlib import Path

from grader.plugin import Format, hookimpl

notebook = Format(
    name="notebook",
    suffixes=(".ipynb",),
    packages=("nbformat", "ipython"),
    converter=Path(__file__).with_name("converter.py"),
)


@hookimpl
def grader_formats():
    return [notebook]
