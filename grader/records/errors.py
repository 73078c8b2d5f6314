"""The tree of exceptions that the grader raises on purpose. Packages add branches; the branch sets the exit code.

    GraderError                 one line that says what was found, where, and what to do
      UsageError                exit code 2: the request cannot be met
        UnknownExercise           course      no exercise of this id
        BadDownload               course      a download, a roster, a pattern that cannot be used
        CannotExport              course      the gradebook and the sheet do not match
        NoDevice                  jail        `--device cuda` without a working GPU
        CannotRelease             course      a folder that is in the way, data that is not the course's
        MissingExtra              records     what a plain install leaves out, and how to get it
      GraderFault               exit code 3: the grader, its course or its machine failed; nobody loses points
        CourseError               course      a course that cannot be loaded
          BadClaim                  verify      what a solution says about itself: its file, its line
        JailError                 jail        a layer that should hold and does not, a fork server that has died
          ZygoteGone
        GradebookError            batch       the database failed
          NoGradebook               it cannot be opened (exit code 2)
        CannotGrade               grading     this machine may not grade, or not this course
      Unavailable               an optional feature that this machine lacks: caught by the caller that asked for it
        NoGpu                     jail        the reason is part of a note, or of `NoDevice`
        NoGroups                  jail        no control group (cgroup) can be created
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

Not in the tree: exceptions raised inside the jail, where this module cannot be imported (`wire.WireError`); exceptions
used for control flow (`watch.changes.Saved`); and the failures that pytest reports.
"""


class GraderError(Exception):
    """The root. An uncaught one makes a command print its line and exit with `exit_code`."""

    exit_code = 3


class UsageError(GraderError):
    """The request cannot be met; the message says what can."""

    exit_code = 2


class GraderFault(GraderError):
    """The grader, its course or its machine failed: an internal error, which costs nobody points."""


class Unavailable(GraderError):
    """A feature that this machine does not have; the message says why."""


class StudentFault(GraderError):
    """A problem with a submission. It never ends a command; its message is what the report shows."""
