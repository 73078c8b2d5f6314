"""Whatever the grader raises on purpose, in one tree. Packages add branches; the command line ends by the exit code.

    GraderError                 one line that says what was found, where, and what to do
      UsageError                exit code 2: what was asked for cannot be had
        UnknownExercise           course      no exercise of this id
        BadDownload               course      a download, a roster, a pattern that cannot be used
        CannotExport              course      the gradebook and the sheet do not fit
        NoDevice                  jail        `--device cuda` without a GPU that works
        CannotRelease             course      a folder that is in the way, data that is not the course's
        MissingExtra              records     what a plain install leaves out, and how to get it
      GraderFault               exit code 3: the grader, its course or its machine failed; nobody loses points
        CourseError               course      a course that cannot be loaded
          BadClaim                  verify      what a solution says of itself: its file, its line
        JailError                 jail        a layer that should hold and does not, a fork server that is gone
          ZygoteGone
        GradebookError            batch       the database failed
          NoGradebook               it cannot be opened (exit code 2)
        CannotGrade               grading     this machine may not grade, or not this course
      Unavailable               something this machine lacks and can do without: caught where it is asked for
        NoGpu                     jail        the reason is part of a note, or of `NoDevice`
        NoGroups                  jail
      StudentFault              ends no command: becomes a verdict, a status or a note
        Rejected                  intake      a file or an archive that cannot be taken
        NotLoaded                 grading     no module, or one that cannot be loaded
        NameNotFound              grading     a name of the exercise is not defined
        TimeSpent                 grading     no time was left for it
        WorkerEnded               jail        timeout, memory, a crash, a broken protocol
        StudentRaised             grading     an exception of the student's code
        NotAModule                grading     a class that builds something else
        BadRecipe                 authoring   training settings that are not allowed
        Unmet                     authoring a promise of the exercise that was not kept

Not in the tree: what code inside the jail raises, which imports nothing of ours (`wire.WireError`); what only moves
control about (`watch.changes.Saved`); and the failures that pytest reports.
"""


class GraderError(Exception):
    """The root. Where nobody catches it, a command prints its line and ends with `exit_code`."""

    exit_code = 3


class UsageError(GraderError):
    """What was asked for cannot be had: says what can."""

    exit_code = 2


class GraderFault(GraderError):
    """The grader, its course or its machine failed: nobody loses points by it."""


class Unavailable(GraderError):
    """Something that this machine does not have, and why."""


class StudentFault(GraderError):
    """Something about what a student handed in: it ends no command, and says what a report will say."""
