"""What `batch.py` compares with: the rule and the checks of `my_rnn` as tests of pytest, one process per submission.

The functions that judge are the exercise's own, so the work is the same. They reach the student's code directly: it is
imported into this process, and nothing protects the process, the expected values or the verdicts from it.

    SUBMISSION=solutions/reference/my_rnn.py pytest benchmarks/checks_in_pytest.py
"""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
import torch

from grader.jail.inside.models import Models, arguments_of
from grader.jail.shared import messages, wire
from grader.probes import Trace, Vjp

torch.set_num_threads(1)


def load(name, file):
    """Import a file, or a package by its `__init__.py`."""
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(file.parent)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


SUBMITTED = load("submitted", Path(os.environ["SUBMISSION"]).resolve())
EXERCISE = load("my_rnn", Path(__file__).parents[1] / "exercises" / "my_rnn" / "__init__.py").exercise


class Student:
    """What a check is given."""

    def __init__(self, name):
        self.generator = torch.Generator().manual_seed(hash(name) % 2**31)

    def build(self, name, *arguments, dtype):
        return Model(getattr(SUBMITTED, name), messages.Build(name, packed(*arguments), str(dtype).split(".")[1]))

    def find_line(self, *_):
        return None


class Model:
    """A model of the student's, driven by what drives it inside the jail, without the wire between."""

    def __init__(self, kind, build):
        self.kind, self.how, self.models = kind, build, Models(torch.device("cpu"))
        self.models.build(kind, build, [])

    def __call__(self, *inputs):
        return self._ask("apply", "__call__", copies(inputs))[0]

    def parameters(self):
        return {name: value.clone() for name, value in self._ask("parameters")[0].items()}

    def load(self, values):
        self._ask("assign", values)

    def changes(self, *inputs):
        left = copies(inputs)
        self._ask("apply", "__call__", left)
        pairs = enumerate(zip(inputs, left, strict=True))
        return tuple(i for i, (a, b) in pairs if a is not None and not torch.equal(a, b))

    def vjp(self, inputs, cotangents):
        outputs, of_inputs, of_parameters = self._ask("vjp", copies(inputs), list(cotangents))
        return Vjp(outputs, of_inputs, of_parameters)

    def trace(self, *inputs):
        traced = self.models.trace(self.kind, self.how, copies(inputs), [])
        return Trace(traced.operators, [(module.type_name, module.is_torch_recurrent) for module in traced.modules])

    def _ask(self, what, *arguments):
        answer, tensors = getattr(self.models, what)(0, *arguments)
        return arguments_of(answer.items, [tensor.detach() for tensor in tensors])


def packed(*values):
    return [wire.pack(value, []) for value in values]


def copies(values):
    return [None if value is None else value.clone() for value in values]


@pytest.mark.parametrize("judged", [*EXERCISE.rules, *EXERCISE.checks], ids=lambda judged: judged.id)
def test_promise(judged):
    judged.run(Student(judged.id))
