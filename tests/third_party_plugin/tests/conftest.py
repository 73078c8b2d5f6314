"""Fixtures that grade for real: `submission`, `notebook`, `course`, `grade`, ..."""

pytest_plugins = ["grader.testing"]
