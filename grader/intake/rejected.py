"""What is said to students of what they handed in and cannot be taken."""

from grader.records.errors import StudentFault


class Rejected(StudentFault):
    """Why a file, an archive or a whole submission cannot be taken, in a student's words."""
