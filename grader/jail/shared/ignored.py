"""File and folder names that are not part of a submission."""

IGNORED = frozenset({"__MACOSX", "__pycache__", "grade-report"})
"""Ignored in addition to the names that begin with a dot."""
