"""Training in the jail as ratios: `python benchmarks/training.py`. Needs a course with `adding_problem`.

Steps per second in the jail against the same loop bare (probe sets excluded on both sides), and wall clock from a ready
grader to the verdict against the bare loop over the full budget.
"""

import importlib.util
import statistics
import sys
import time
from pathlib import Path
from types import ModuleType

import torch

from grader import LearningTask
from grader.course.loading import load_course
from grader.course.settings import read_settings
from grader.grading.attempt import Attempt
from grader.grading.grading import grade
from grader.grading.listener import Listener
from grader.grading.student import Student
from grader.intake.staging import stage
from grader.jail.host import Jail
from grader.records.limits import Limits

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = sorted(path.parent for path in ROOT.glob("solutions/reference*/adding_problem.py"))
STEPS = 200


def solution(folder: Path) -> ModuleType:
    """A reference's module, imported into this process: it is our own code."""
    spec = importlib.util.spec_from_file_location(f"bare_{folder.name}", folder / "adding_problem.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bare(folder: Path, task: LearningTask, steps: int) -> float:
    """Seconds of the textbook loop in this process, the drawing of data included."""
    model_class = solution(folder).AddingModel
    recipe = {"lr": task.lr, "clip_norm": 1.0, **getattr(model_class, "recipe", {})}
    model = model_class(*task.arguments)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe["lr"])
    generator = torch.Generator().manual_seed(1)
    started = time.perf_counter()
    for _ in range(0, steps, task.every):
        (x,), y = task.draw(task.every * task.batch_size, generator)
        for x_batch, y_batch in zip(x.split(task.batch_size), y.split(task.batch_size), strict=True):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(x_batch).reshape(y_batch.shape), y_batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["clip_norm"])
            optimizer.step()
    return time.perf_counter() - started


def jailed(folder: Path, task: LearningTask, steps: int, zygote: Jail, exercise: object) -> float:
    """Seconds of the same steps in the jail, fed from here in chunks."""
    submission = stage(folder, zygote, Limits())
    attempt = Attempt(zygote, submission, exercise, Limits(), 1, Listener())  # type: ignore[arg-type]
    try:
        attempt.load()
        model = Student(attempt, "benchmark").build(task.model, *task.arguments)
        model.start_training(task.recipe, task.loss)
        generator = torch.Generator().manual_seed(1)
        started = time.perf_counter()
        for _ in range(0, steps, task.every):
            inputs, targets = task.draw(task.every * task.batch_size, generator)
            model.train(inputs, targets, task.batch_size, time.monotonic() + 600)
        return time.perf_counter() - started
    finally:
        attempt.close()


def main() -> None:
    torch.set_num_threads(1)
    course = load_course(read_settings())
    (exercise,) = course.pick(("adding_problem",))
    task = next(check.task for check in exercise.checks if check.task is not None)(torch.Generator())
    with Jail() as zygote:
        zygote.prepare_training()
        for folder in REFERENCES:
            bare(folder, task, task.every)  # the first optimizer of a process imports much
            pairs = [(bare(folder, task, STEPS), jailed(folder, task, STEPS, zygote, exercise)) for _ in range(3)]
            speed = statistics.median(b / j for b, j in pairs)
            full = bare(folder, task, task.steps)
            started = time.perf_counter()
            answer = grade(stage(folder, zygote, Limits()), [exercise], course, zygote, level="strong", seed=1)
            wall = time.perf_counter() - started
            print(
                f"{folder.name:20} {speed:5.2f} of the bare loop's steps per second (aim: 0.95)   "
                f"{wall / full:5.2f} of the bare full budget to the verdict (aim: 0.6)   {answer.percent:g} %"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
