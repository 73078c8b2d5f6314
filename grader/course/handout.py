"""An exercise as its students are told of it: task, names, rubric with points, budget of training, limits."""

from collections.abc import Iterator

from grader.authoring.exercise import Exercise
from grader.records.limits import Limits

MARKS = "Marked (idea) is what the exercise is about, marked (form) are shapes, types and the like."
"""What the marks of a rubric mean, for who reads it."""


def handout(exercise: Exercise, limits: Limits) -> str:
    """The handout in Markdown. Raises what the exercise's own functions raise."""
    rows = [f"| {points} | {_cell(words)} |" for points, words in rubric(exercise)]
    sections = [
        f"# {exercise.title}",
        exercise.statement.strip(),
        f"## Rubric ({exercise.max_points:g} points)",
        "\n".join(["| points | for |", "|---:|---|", *rows]),
    ]
    if is_marked(exercise):
        sections.append(MARKS)
    trained = list(trainings(exercise))
    if trained:
        sections += ["## Training", *trained]
    sections += ["## Module and limits", module_words(exercise), limits_words(limits)]
    return "\n\n".join(sections) + "\n"


def rubric(exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Points, or the word "rule", and what they are for: the promise, and whether it is about the idea or the form."""
    for rule in exercise.rules:
        yield "rule", rule.promise
    for check in exercise.checks:
        yield f"{check.points:g}", check.promise if check.about is None else f"{check.promise} ({check.about})"


def is_marked(exercise: Exercise) -> bool:
    """Whether any check says what it is about."""
    return any(check.about is not None for check in exercise.checks)


def trainings(exercise: Exercise) -> Iterator[str]:
    """The budget of steps, and what a recipe leaves out; once, where several checks have the same."""
    import torch

    tasks = [check.task(torch.Generator()) for check in exercise.checks if check.task is not None]
    budgets = {(task.model, task.recipe): task for task in tasks}
    for model, recipe in budgets:
        yield (
            f"`{model}` is trained for at most {recipe.steps} steps. What its `recipe` leaves out is: "
            f"optimizer {recipe.optimizer}, lr {recipe.lr:g}, batch_size {recipe.batch_size}, clip_norm "
            f"{recipe.clip_norm:g}, weight_decay 0, momentum 0, schedule {recipe.schedule}, all of these steps."
        )


def module_words(exercise: Exercise) -> str:
    """The file to hand in, and the names it defines."""
    names = ", ".join(f"`{name}`" for name in exercise.names)
    return f"`{exercise.id}.py` defines {names}."


def limits_words(limits: Limits) -> str:
    """What an attempt may use."""
    return (
        f"{limits.seconds:g} s for all checks, {limits.top_level_seconds:g} s for top-level code that "
        f"defines nothing, {limits.memory_mib} MiB of memory, {limits.files_mib} MiB of files."
    )


def _cell(words: str) -> str:
    """Words in a table of Markdown, where a bar ends the cell."""
    return words.replace("|", "\\|")
