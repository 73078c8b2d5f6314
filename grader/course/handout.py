"""An exercise as its students are told of it: task, names, rubric with points, budget of training, limits."""

from collections.abc import Iterator

from grader.authoring.exercise import Exercise
from grader.records.limits import Limits


def handout(exercise: Exercise, limits: Limits) -> str:
    """The handout in Markdown. Raises what the exercise's own functions raise."""
    rows = [("rule", rule.promise) for rule in exercise.rules]
    rows += [(f"{check.points:g}", check.promise) for check in exercise.checks]
    sections = [
        f"# {exercise.title}",
        exercise.statement.strip(),
        f"## Rubric ({exercise.max_points:g} points)",
        "\n".join(["| points | for |", "|---:|---|", *(f"| {points} | {_cell(words)} |" for points, words in rows)]),
    ]
    trained = list(trainings(exercise))
    if trained:
        sections += ["## Training", *trained]
    sections += ["## Module and limits", module_words(exercise), limits_words(limits)]
    return "\n\n".join(sections) + "\n"


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
