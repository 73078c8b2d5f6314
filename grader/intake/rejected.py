"""The exception for submissions, and parts of them, that cannot be accepted."""

from grader.records.errors import StudentFault


class Rejected(StudentFault):
    """A file, an archive or a whole submission cannot be accepted; the message says why, phrased for the student."""
