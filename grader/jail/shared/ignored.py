"""What is in a folder and is nobody's work."""

IGNORED = frozenset({"__MACOSX", "__pycache__", "grade-report"})
"""Names that no submission is made of, beside those that begin with a dot."""
