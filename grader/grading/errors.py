"""The failures of an attempt. Each is a `StudentFault`, and becomes a verdict, a status or a note."""

from grader.jail.shared import messages
from grader.records.errors import StudentFault
from grader.records.grade import ExerciseStatus
from grader.records.sanitize import sanitize


class NotLoaded(StudentFault):
    """The code is missing or cannot be loaded, so that nothing can be checked."""

    def __init__(self, status: ExerciseStatus, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


class NameNotFound(StudentFault):
    """One of the names of the exercise is not defined."""


class TimeSpent(StudentFault):
    """The attempt's time was used up before this began."""


class StudentRaised(StudentFault):
    """The student's code raised: `type_name`, `message`, and the `frames` in the student's own files."""

    sizes: tuple[str, str] | None = None
    """(input shapes that the model accepted before, shapes at which it raised this), if they differ."""

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
        """The text for a report: the exception, and where it was raised."""
        lines = [f"{self.doing} raised {self.type_name}: {self.message}".rstrip(": ")]
        for frame in self.frames:
            lines.append(f"  {frame.file}, line {frame.line}, in {frame.function}")
            if frame.text:
                lines.append(f"    {frame.text}")
        return "\n".join(lines)


class NotAModule(StudentFault):
    """A class was built, and the object is not an `nn.Module`."""
