"""What the checks of one attempt share."""

from types import SimpleNamespace

import torch

from grader.grading.student import Student
from grader.records.seeds import derive


def test_a_task_is_made_once_and_is_the_same_in_all_checks_of_an_attempt():
    made = []

    def make(generator):
        made.append(torch.rand(4, generator=generator).tolist())
        return made[-1]

    def checks_of(seed):
        attempt = SimpleNamespace(cache={}, seed=lambda purpose: derive(seed, purpose, bits=63))
        return [Student(attempt, check) for check in ("shapes", "learns")]

    first, second = (student.task(make) for student in checks_of(1))
    assert first is second
    assert len(made) == 1
    assert checks_of(1)[1].task(make) == first
    assert checks_of(2)[0].task(make) != first
