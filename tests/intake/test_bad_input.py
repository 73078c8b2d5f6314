"""What students really hand in: each gets an answer that names the fault and the remedy, and says nothing of ours."""

import json
import os
import re
import sysconfig
from pathlib import Path

import pytest

from grader.plugin import Conditions
from grader.records.grade import to_json
from grader.records.sanitize import sanitize

pytestmark = pytest.mark.jail

ROOT = Path(__file__).parents[2]


def layer(
    init="self.a, self.b = nn.Linear(i, h), nn.Linear(h, h, bias=False)",
    forward="return outputs, h_n",
    *,
    base="nn.Module",
    above="",
    below="",
    signature="self, x, h_0=None",
    sizes="self, i, h",
    parent="super().__init__()",
):
    """The source of a right layer with one thing changed."""
    return f"""import torch
from torch import nn
{above}
class MyRNN({base}):
    def __init__({sizes}):
        {parent}
        {init}

    def forward({signature}):
        h = x.new_zeros(x.shape[0], self.b.in_features) if h_0 is None else h_0[0]
        states = []
        for t in range(x.shape[1]):
            h = torch.tanh(self.a(x[:, t]) + self.b(h))
            states.append(h)
        outputs, h_n = torch.stack(states, 1), h.unsqueeze(0)
        {forward}
{below}
"""


@pytest.fixture
def answer(grade, submission, course):
    """Grade files (or the source of `my_rnn.py`), and look at everything that is shown of it."""

    def run(files, name="ada", **limits):
        path = (
            files
            if isinstance(files, Path)
            else submission(files if isinstance(files, dict) else {"my_rnn.py": files}, name)
        )
        result = grade(path, **limits)
        assert_decent(result, course, path)
        return result

    return run


def texts(value):
    """All strings in a decoded JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def assert_decent(grade, course, path):
    """Strict JSON, nothing of this machine in it or on the page, no fault of ours, no control characters."""
    document = to_json(grade)
    decoded = json.loads(document, parse_constant=lambda literal: pytest.fail(f"{literal} is no JSON"))
    assert not grade.broken, decoded
    page = course.reports["html"].page(grade, Conditions("grade submit", {}, {}, []))
    for shown in (document, page):
        shown.encode()
        for place in (str(path.parent), sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), str(ROOT)):
            assert place not in shown
        assert not re.search(r"site-packages|/spool/|/submission/|grader/|worker\.py|Traceback", shown)
    for text in texts(decoded):
        assert text == sanitize(text, 10_000)
        assert len(text) <= 4000
    assert "<script" not in page


def told(grade):
    """The status of the exercise, and all that is said about it."""
    exercise = grade.exercises[0]
    words = [exercise.message or "", *exercise.notes]
    for check in exercise.checks:
        if check.status not in ("passed", "skipped"):
            words += [check.message, check.hint or ""]
    return exercise.status, "\n".join(words)


def assert_told(grade, status, *words):
    found, text = told(grade)
    assert found == status, (found, text)
    assert [part for part in words if part not in text] == [], text


# Classes that are not what was asked.


@pytest.mark.parametrize(
    ("source", "status", "words"),
    {
        "a misspelt class": (layer().replace("MyRNN", "MyRnn"), "missing", ["found `MyRnn`", "expected `MyRNN`"]),
        "a syntax error": (layer() + "def f(:\n", "error", ["my_rnn.py, line 18: invalid syntax", "^"]),
        "no module": (layer(base="", parent="pass"), "error", ["not an `nn.Module`", "Make the class a subclass"]),
        "a function": (
            "def MyRNN(i, h):\n    return [i, h]\n",
            "error",
            ["of type list, not an `nn.Module`", "subclass"],
        ),
        "a number": ("MyRNN = 3\n", "error", ["'int' object is not callable"]),
        "an instance": (layer() + "MyRNN = MyRNN(1, 1)\n", "error", ["raised"]),
        "no call of the parent": (
            layer(parent="pass"),
            "error",
            ["before Module.__init__() call", "super().__init__()"],
        ),
        "one size": (layer(sizes="self, i"), "error", ["takes 2 positional arguments but 3", "exactly the sizes"]),
        "three sizes": (
            layer(sizes="self, i, h, o"),
            "error",
            ["missing 1 required positional argument: 'o'", "sizes"],
        ),
        "sizes by name": (layer(sizes="self, *, i, h"), "error", ["takes 1 positional argument but 3", "by position"]),
        "a constructor that raises": (
            layer("raise ValueError('no')"),
            "error",
            ["` raised ValueError: no", "line 7"],
        ),
        "no forward": (
            "from torch import nn\nclass MyRNN(nn.Module):\n    def __init__(self, i, h): super().__init__()\n",
            "graded",
            ['missing the required "forward" function'],
        ),
        "forward without h_0": (
            layer(signature="self, x").replace("h_0 is None", "True"),
            "graded",
            ["forward() takes 2", "every argument"],
        ),
        "forward with more": (
            layer(signature="self, x, h_0, mask"),
            "graded",
            ["missing 1 required positional argument", "every argument"],
        ),
        "a package that is missing and used": (
            layer("pd.DataFrame()", above="import pandas as pd"),
            "error",
            ["name 'pd' is not defined", "No module named 'pandas'", "line 3"],
        ),
        "a package imported in forward": (
            layer(forward="import pandas"),
            "graded",
            ["No module named 'pandas'", "the standard library, torch, numpy"],
        ),
        "to be done": (
            layer(forward="raise NotImplementedError"),
            "graded",
            ["NotImplementedError", "still to be written"],
        ),
    }.values(),
    ids=lambda value: "",
)
def test_a_wrong_class_is_told_with_the_remedy(answer, source, status, words):
    grade = answer(source)
    assert grade.points == 0
    assert_told(grade, status, *words)


def test_a_missing_package_that_is_not_used_costs_nothing(answer):
    grade = answer(layer(above="import pandas as pd\nimport matplotlib.pyplot as plt"))
    assert grade.points == 10
    assert len(grade.exercises[0].notes) == 2


# Answers that are not what was asked.


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        ("return None", ["returned None", "Return two values: outputs, h_n"]),
        ("pass", ["returned None", "Return two values: outputs, h_n"]),
        ("return outputs", ["returned a tensor of shape", "expected a tuple of 2"]),
        ("return [outputs, h_n, h]", ["returned 3 values, expected 2"]),
        ("return {'outputs': outputs}", ["returned a dict"]),
        ("return 'outputs, h_n'", ["returned a str"]),
        ("return 1, 2", ["outputs", "is an int, expected a tensor of shape"]),
        ("return states, h_n", ["is a list", "torch.stack(states, dim=1)"]),
        ("return outputs.tolist(), h_n.tolist()", ["is a list", "expected a tensor"]),
        ("return [[0.0] * 50_000] * 9, h_n", ["outputs", "is a list", "expected a tensor"]),
        ("return [0.0] * 1_000_000, h_n", ["outputs", "list", "expected a tensor"]),
        ("return outputs.detach().numpy(), h_n", ["of type numpy.ndarray"]),
        ("return (s for s in states)", ["of type generator"]),
        ("yield outputs", ["of type generator"]),
        ("return outputs.transpose(0, 1), h_n", ["has shape (7, 4, 5), expected (4, 7, 5)", "batch comes first"]),
        ("return outputs, h", ["h_n", "h.unsqueeze(0)"]),
        ("return outputs.int(), h_n", ["torch.int32", "floating-point"]),
        ("return outputs > 0, h_n", ["torch.bool", "floating-point"]),
        ("return outputs.cfloat(), h_n", ["complex64"]),
        ("return outputs.to_sparse(), h_n", ["sparse"]),
        ("return outputs.to('meta'), h_n", ["meta"]),
        ("return outputs / 0 * 0, h_n", ["contains NaN or infinity"]),
        ("return nn.Parameter(outputs.detach()), self", ["of type my_rnn.MyRNN"]),
        ("return torch.zeros(100_000_000), h_n", ["over the limit"]),
        ("return type('E' * 5000, (), {})()", ["of type my_rnn.EEE"]),
        ("return type('\\x1b[31m\\u202e<script>', (), {})()", ["<script>"]),
    ],
)
def test_a_wrong_answer_is_named_by_what_it_is(answer, forward, words):
    grade = answer(layer(forward=forward))
    assert grade.points == 0
    assert_told(grade, "graded", *words)


@pytest.mark.parametrize(
    "forward",
    [
        "return outputs.half(), h_n.half()",
        "return outputs.bfloat16(), h_n",
        "return outputs, h_n.half()",
        "return outputs.double(), h_n.float()",
        "return outputs * 1e300, h_n",
        "return outputs, outputs[:, -1:].transpose(0, 1).clone()",
        "return outputs.requires_grad_(), h_n.detach()",
        "return torch.zeros_like(outputs), torch.zeros_like(h_n)",
        "return outputs.as_subclass(type('T', (torch.Tensor,), {})), h_n",
        "return x.new_zeros(()).expand(outputs.shape), h_n",
    ],
)
def test_answers_of_every_kind_are_judged(answer, forward):
    """None of them is our fault, whatever it is worth."""
    assert answer(layer(forward=forward)).exercises[0].status == "graded"


@pytest.mark.parametrize(
    "init",
    [
        "self.h_0 = nn.Parameter(torch.zeros(1, 1, h))",
        "self.x = nn.Parameter(torch.zeros(2))",
        "self.p = nn.Parameter(torch.zeros(3, dtype=torch.int64), requires_grad=False)",
        "self.p = nn.Parameter(torch.zeros(3, dtype=torch.bool), requires_grad=False)",
        "self.p = nn.Parameter(torch.zeros(3, dtype=torch.complex64))",
        "self.p = nn.Parameter(torch.zeros(0, 3))",
        "self.p = nn.Parameter(torch.zeros(()))",
        "self.p = nn.Parameter(torch.zeros(30_000_000, dtype=torch.uint8), requires_grad=False)",
        "self.p = nn.ParameterList([nn.Parameter(torch.zeros(1)) for _ in range(100)])",
        "self.register_parameter('\\x1b[31m\\u202e' + 'p' * 5000, nn.Parameter(torch.zeros(2)))",
        "self.register_parameter('p', None)",
        "self.p = nn.LazyLinear(3)",
        "self.register_buffer('p', torch.full((3,), float('nan')))",
    ],
)
def test_parameters_of_every_kind_are_judged(answer, init):
    """Odd parameters are a matter of points, never a fault of ours."""
    grade = answer(layer(f"self.a, self.b = nn.Linear(i, h), nn.Linear(h, h)\n        {init}"))
    assert grade.exercises[0].status in ("graded", "error", "crashed", "memory")


def test_a_parameter_called_h_0_is_no_mistake(answer):
    """A learnt initial state that nobody asked for changes nothing where an h_0 is given or None means zeros."""
    assert (
        answer(
            layer("self.a, self.b, self.h_0 = nn.Linear(i, h), nn.Linear(h, h), nn.Parameter(torch.zeros(h))")
        ).points
        == 10
    )


def test_names_of_parameters_are_shown_plain(answer):
    """A reason that names a parameter is no way to write on the page."""
    init = "self.a, self.b = nn.Linear(i, h), nn.Linear(h, h)"
    init += "\n        self.name = '\\x1b[31m\\u202e<script>' + 'p' * 5000"
    init += "\n        self.register_parameter(self.name, nn.Parameter(torch.zeros(h)))"
    source = layer(init).replace("self.b(h))", "self.b(h) + self._parameters[self.name].detach())")
    assert_told(answer(source), "graded", "no gradient reaches the parameter <script>ppp")


# Exceptions.


@pytest.mark.isolation
def test_an_exception_is_shown_with_the_students_own_frames(answer):
    files = {
        "my_rnn.py": layer(forward="return helper.deep(outputs)", above="import helper"),
        "helper.py": "def deep(x):\n    return deeper(x)\n\ndef deeper(x):\n    return x @ x.new_zeros(2, 2, 2, 2)\n",
    }
    status, text = told(answer(files))
    assert status == "graded"
    assert re.search(
        r"`forward` raised RuntimeError: .*\n"
        r"  my_rnn\.py, line 16, in forward\n    return helper\.deep\(outputs\)\n"
        r"  helper\.py, line 2, in deep\n    return deeper\(x\)\n"
        r"  helper\.py, line 5, in deeper\n    return x @ x\.new_zeros\(2, 2, 2, 2\)\n",
        text,
    ), text


def isolated(*values):
    """What a worker can see decides it: repeated at every level."""
    return pytest.param(*values, marks=pytest.mark.isolation)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (
            "raise ValueError('my own words')",
            "graded",
            ["`forward` raised ValueError: my own words", "in forward\n    raise ValueError"],
        ),
        ("raise KeyboardInterrupt", "graded", ["raised KeyboardInterrupt"]),
        ("raise SystemExit(0)", "graded", ["raised SystemExit: 0"]),
        ("import sys; sys.exit()", "graded", ["raised SystemExit"]),
        ("raise GeneratorExit", "graded", ["raised GeneratorExit"]),
        ("raise StopIteration", "graded", ["raised StopIteration"]),
        ("raise BaseExceptionGroup('two', [ValueError('a'), SystemExit()])", "graded", ["raised BaseExceptionGroup"]),
        ("raise MemoryError", "memory", ["memory", "2048 MiB"]),
        ("return self.forward(x[:, :1], h_0)", "graded", ["RecursionError"]),
        ("assert outputs.shape == 3", "graded", ["raised AssertionError", "assert outputs.shape == 3"]),
        ("raise Odd()", "graded", ["my_rnn.Odd: (its message cannot be shown)"]),
        ("raise ValueError('x' * 10_000_000)", "graded", ["ValueError: xxx", " ..."]),
        ("raise ValueError('\\n' * 100_000)", "graded", ["ValueError"]),
        (
            "raise ValueError('\\x1b[31m\\x9b\\x00\\u202e<script>alert(1)</script>\\ud800')",
            "graded",
            ["<script>alert(1)</script>"],
        ),
        ("raise type('\\x1b]0;t\\x07' + 'E' * 5000, (Exception,), {})", "graded", ["EEE"]),
        ("raise ValueError(Text('x'))", "graded", ["(inspecting it raises an exception)"]),
        isolated("raise ValueError(torch.__file__, __file__, torch)", "graded", ["torch/__init__.py"]),
        isolated("open('/etc/passwd').read()", "graded", ["'/etc/passwd'"]),
        (
            "from importlib import import_module; import_module('torch.nothing')",
            "graded",
            ["No module named 'torch.nothing'"],
        ),
        ("exec(compile('1/0', '/home/teacher/secret.py', 'exec'))", "graded", ["ZeroDivisionError"]),
        ("eval('(' * 10_000)", "graded", ["raised"]),
        ("import os; os._exit(0)", "crashed", ["died"]),
        ("import os; os.abort()", "crashed", ["its process was ended by SIG"]),
        ("import os; os.write(3, b'hello' * 10)", "crashed", ["grader's internal channel"]),
        ("import os; os.close(3)", "crashed", ["died"]),
        ("import sys; sys.stdout.close(); sys.stderr.close(); raise ValueError", "graded", ["ValueError"]),
        ("print('\\x1b[2J' * 1_000_000)", "graded", ["printed more than"]),
    ],
)
def test_exceptions_of_every_kind_are_answered(answer, code, status, words):
    odd = "class Odd(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\n"
    odd += "class Text(str):\n    def __len__(self): return 1 / 0\n    def __str__(self): return self\n"
    assert_told(answer(layer(forward=code, above=odd)), status, *words)


def test_only_frames_near_both_ends_of_a_recursion_are_shown(answer):
    _, text = told(answer(layer(forward="return self.forward(x[:, :1], h_0)")))
    assert text.count("in forward") <= 20


META = "class M(type(nn.Module)):\n    {}\nclass MyRNN(nn.Module, metaclass=M): pass"


@pytest.mark.parametrize(
    "below",
    [
        "MyRNN.__del__ = lambda self: 1 / 0",
        "MyRNN.__repr__ = MyRNN.__str__ = MyRNN.__hash__ = MyRNN.__eq__ = lambda self, *a: 1 / 0",
        "MyRNN.__class__ = property(lambda self: 1 / 0)",
        "MyRNN.training = property(lambda self: 1 / 0)",
        "MyRNN.parameters = MyRNN.named_parameters = MyRNN.modules = MyRNN.to = lambda *a, **k: 1 / 0",
        "MyRNN.__getattr__ = lambda self, name: 1 / 0",
        "MyRNN.__call__ = property(lambda self: 1 / 0)",
        "torch.nn.Module.named_parameters = lambda self: [('w', 3), ('v', None)]",
        "torch.nn.Module.named_parameters = lambda self: 3",
        "torch.nn.Module.to = torch.nn.Module.modules = None",
        "torch.tanh = torch.stack = torch.Tensor.detach = None",
        "torch.Tensor.__torch_function__ = None",
        "torch.no_grad = torch.set_default_dtype = torch.manual_seed = None",
        "torch.autograd.profiler.profile = torch.autograd.grad = None",
        "import builtins; builtins.isinstance = lambda *a: True",
        "import builtins; builtins.len = builtins.getattr = None",
        "import sys; sys.modules.clear()",
        "import sys; sys.setrecursionlimit(60)",
        "import gc, weakref; [o for o in gc.get_objects()][:1]",
        "import os; os.write = os.read = None",
        "import sys; sys.settrace(lambda *a: 1 / 0)",
        "import threading; threading.Thread(target=lambda: 1 / 0).start()",
        "import atexit; atexit.register(lambda: 1 / 0)",
        "import warnings; warnings.simplefilter('error')",
        "import signal; signal.alarm(1)",
        "torch.set_default_device('meta')",
        "torch.set_grad_enabled(False)",
        "torch.use_deterministic_algorithms(True); torch.set_num_threads(2)",
        META.format("def __getattribute__(cls, name): raise RuntimeError(name)"),
        META.format("def __call__(cls, *a): return cls"),
        META.format("def __instancecheck__(cls, o): 1 / 0"),
        META.format("__module__ = __qualname__ = property(lambda cls: 1 / 0)"),
    ],
)
def test_tricks_with_python_and_torch_are_not_our_fault(answer, below):
    """They may cost points or the process; they end in an answer, and never in `broken`."""
    answer(layer(below=below), seconds=20)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_hangs_in_long_sequences_keeps_the_points_of_short_ones(answer, seed):
    """The rule that comes before all checks makes no long calls, whatever sizes it draws."""
    hangs = "while x.shape[1] >= 50:\n            pass\n        return outputs, h_n"
    (exercise,) = answer(layer(forward=hangs), seed=seed, seconds=3).exercises
    passed = [check.id for check in exercise.checks if check.status == "passed"]
    kept = ["shapes", "one_step", "arguments_kept", "bias", "initial_state"]
    assert (exercise.status, passed) == ("timeout", kept)
    assert "in `forward`, during the check 'Carries the state through sequences of up to 200 steps" in exercise.message


# Files and folders.


def test_no_such_path_is_one_line_and_exit_2(cli, tmp_path):
    for path in (tmp_path / "nowhere", tmp_path / ("a" * 300)):
        result = cli("submit", path)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == f"grade: {path}: no such file or folder\n"
    result = cli("submit", "")  # as an unset variable of a shell leaves behind: not the current folder
    assert (result.returncode, result.stderr) == (2, "grade: an empty path: no such file or folder\n")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ["empty", "hand in"]),
        ({"notes.txt": "x", "report.pdf": "x"}, ["no Python file", "`notes.txt`, `report.pdf`", "hand in"]),
        ({"__pycache__/my_rnn.py": "x", ".venv/my_rnn.py": "x"}, ["empty", "hand in"]),
    ],
)
def test_a_folder_without_code_is_invalid(answer, files, words):
    grade = answer(files)
    assert (grade.status, grade.points, grade.max_points, grade.exercises) == ("invalid", 0, 10, [])
    assert [word for word in words if word not in grade.message] == [], grade.message


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd"), lambda path: path.symlink_to(path)]
)
def test_a_folder_of_what_is_no_file_is_invalid(answer, submission, make):
    """A pipe is not waited for, a link not followed."""
    folder = submission({})
    make(folder / "my_rnn.py")
    grade = answer(folder)
    assert grade.status == "invalid"
    assert "`my_rnn.py` is" in grade.message
    assert "left out" in grade.message


def test_pipes_links_and_sockets_beside_the_code_are_noted(answer, submission, reference):
    folder = submission({"my_rnn.py": reference})
    os.mkfifo(folder / "pipe")
    (folder / "link.py").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    grade = answer(folder)
    assert grade.points == 10
    assert len(grade.exercises[0].notes) == 3


@pytest.mark.parametrize("suffix", [".ipynb.txt", ".pdf", ".tar.gz", ".docx", ""])
def test_a_file_of_another_kind_is_invalid(answer, tmp_path, suffix):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"ada{suffix}"
    path.write_text("x")
    grade = answer(path)
    assert grade.status == "invalid"
    assert "expected a folder, a .py file" in grade.message


def test_three_thousand_files_beside_the_code_do_not_hide_it(answer, submission, reference):
    folder = submission(
        {f"data/{i:04d}.txt": "" for i in range(3000)} | {"zz_my_rnn/x.txt": "", "my_rnn.py": reference}
    )
    grade = answer(folder)
    assert grade.points == 10
    assert "only the first 2000 files" in grade.exercises[0].notes[0]


def test_a_large_file_beside_the_code_is_left_out(answer, submission, reference):
    folder = submission({"my_rnn.py": reference})
    with (folder / "aaa.bin").open("wb") as file:
        file.truncate(100 << 20)
    grade = answer(folder)
    assert (grade.points, grade.exercises[0].notes) == (10, ["`aaa.bin` is too large and was left out"])


def test_a_module_that_is_too_large_is_told(answer, submission):
    folder = submission({})
    with (folder / "my_rnn.py").open("wb") as file:
        file.truncate(100 << 20)
    assert "too large" in answer(folder).message


NAMES = [
    "<script>alert(1)</script>",
    "🦄 Ünïcödé",
    "a\nb",
    "x" * 200,
    "dots...",
    "-rf",
    "a'b\"c`d",
    "{{7*7}}",
    "\x1b[31m",
    "‮gnp",
]


@pytest.mark.parametrize("name", [name.replace("/", "") for name in NAMES])
def test_folders_of_any_name_are_graded(answer, name):
    grade = answer(layer(), name)
    assert grade.points == 10
    assert len(grade.submission) <= 100


def test_a_folder_whose_name_is_no_text_is_graded(answer, tmp_path):
    folder = tmp_path / os.fsdecode(b"ada\xff\xfe")
    folder.mkdir()
    (folder / "my_rnn.py").write_text(layer())
    (folder / os.fsdecode(b"b\xff.py")).write_text("x = 1")
    grade = answer(folder)
    assert grade.points == 10
    assert "not UTF-8" in grade.exercises[0].notes[0]


@pytest.mark.parametrize(
    "name",
    [os.fsdecode(b"ada\xff.py"), "MY_RNN.PY", pytest.param("a b.py", marks=pytest.mark.isolation), ".py"],
)
def test_lone_files_of_any_name_are_graded(answer, tmp_path, name):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    path.write_text(layer())
    grade = answer(path)
    assert grade.status == ("invalid" if "\udcff" in name or name == ".py" else "graded")


def test_the_starter_earns_nothing_and_breaks_nothing(answer):
    grade = answer(ROOT / "exercises" / "my_rnn" / "starter.py")
    assert (grade.status, grade.points) == ("graded", 0)
    assert "still to be written" in told(grade)[1]


@pytest.mark.isolation
@pytest.mark.parametrize("body", ["torch.zeros(10**10)", "bytearray(10**10)"])
def test_an_allocation_that_failed_is_told_what_to_do(grade, submission, body):
    """By torch or by Python: the status names the limit, the hint a way."""
    source = f"import torch\nclass MyRNN(torch.nn.Module):\n    def __init__(self, *sizes):\n        {body}\n"
    (exercise,) = grade(submission({"my_rnn.py": source})).exercises
    assert (exercise.status, "2048 MiB" in exercise.message) == ("memory", True)
    assert "smaller tensors" in exercise.checks[0].hint
