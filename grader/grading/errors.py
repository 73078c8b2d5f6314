"""What may be wrong with an attempt, each a branch of `StudentFault`: it becomes a verdict, a status or a note."""

from grader.jail.shared import messages
from grader.records.errors import StudentFault
from grader.records.grade import ExerciseStatus
from grader.records.sanitize import sanitize


class NotLoaded(StudentFault):
    """There is nothing to check: the code is missing or cannot be loaded."""

    def __init__(self, status: ExerciseStatus, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class NameNotFound(StudentFault):
    """One of the names of the exercise is not defined."""


class TimeSpent(StudentFault):
    """The attempt's time was spent before this began."""


class StudentRaised(StudentFault):
    """The student's code raised: `type_name`, `message`, and the `frames` in the student's own files."""

    sizes: tuple[str, str] | None = None
    """The shapes that a model answered before, and those at which it raised this, where these are others."""

    def __init__(self, raised: messages.Raised, doing: str):
        self.type_name = sanitize(raised.type_name, 100)
        self.message = sanitize(raised.message, 1000)
        self.frames = [
            messages.Frame(sanitize(f.file, 100), f.line, sanitize(f.function, 60), sanitize(f.text, 200))
            for f in raised.frames
        ]
        self.doing = doing
        super().__init__(self.reason())

    def reason(self) -> str:
        """What a report says: the exception, and where it came from."""
        lines = [f"{self.doing} raised {self.type_name}: {self.message}".rstrip(": ")]
        for frame in self.frames:
            lines.append(f"  {frame.file}, line {frame.line}, in {frame.function}")
            if frame.text:
                lines.append(f"    {frame.text}")
        return "\n".join(lines)


class NotAModule(StudentFault):
    """A class was built, and what came out is no `nn.Module`."""
