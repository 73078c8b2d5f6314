"""The handout of an exercise for students: task, names, rubric with points, training budget, limits."""

from collections.abc import Iterator

from grader.authoring.exercise import Exercise
from grader.records.limits import Limits

MARKS = "Checks marked (idea) test what the exercise is about; those marked (form) test shapes, types and the like."
"""Explains the marks of a rubric."""


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
    """Pairs of points, or "rule", and a promise with its mark."""
    for rule in exercise.rules:
        yield "rule", rule.promise
    for check in exercise.checks:
        yield f"{check.points:g}", check.promise if check.about is None else f"{check.promise} ({check.about})"


def is_marked(exercise: Exercise) -> bool:
    """Whether any check has a mark."""
    return any(check.about is not None for check in exercise.checks)


def trainings(exercise: Exercise) -> Iterator[str]:
    """A sentence about each model's training budget and default recipe; one for all checks that share it."""
    import torch

    tasks = [check.task(torch.Generator()) for check in exercise.checks if check.task is not None]
    budgets = {(task.model, task.recipe): task for task in tasks}
    for model, recipe in budgets:
        yield (
            f"`{model}` is trained for at most {recipe.steps} steps. The defaults for its `recipe` are: "
            f"optimizer {recipe.optimizer}, lr {recipe.lr:g}, batch_size {recipe.batch_size}, clip_norm "
            f"{recipe.clip_norm:g}, weight_decay 0, momentum 0, schedule {recipe.schedule}, all of these steps."
        )


def module_words(exercise: Exercise) -> str:
    """The file to submit, and the names it must define."""
    names = ", ".join(f"`{name}`" for name in exercise.names)
    return f"`{exercise.id}.py` defines {names}."


def limits_words(limits: Limits) -> str:
    """The limits of an attempt in a sentence."""
    return (
        f"{limits.seconds:g} s for all checks, {limits.top_level_seconds:g} s for top-level code that "
        f"defines nothing, {limits.memory_mib} MiB of memory, {limits.files_mib} MiB of files."
    )


def _cell(words: str) -> str:
    """Text for a Markdown table cell, with bars escaped."""
    return words.replace("|", "\\|")
