"""The pages under `docs/` do what they say: their runnable blocks are run, in order, in one folder for each page.

A block is marked in the line that opens it, behind the language (GitHub shows the page as if nothing was there):

    ```console run          each line that begins with `$ ` is a command of the shell; it must end with 0
    ```console run exit=1   the last one must end with this status
    ```python run           a program that must end without an exception
    ```python file=a/b.py   is written into that file of the page's folder; any language, toml too

The lines below a command are what it prints, on standard output and error together: `...` stands for any text, within
a line or for whole lines, and blanks at the ends of lines do not count. A command without any is not compared. A line
that ends with a backslash goes on in the next one. A line that is `grade` and its arguments and takes no shell runs in
the process of the test; in all others `grade` and `python` are those of the environment that runs the
tests; `$COURSE` is the repository, for what a page shows of the bundled course; what is not marked is not run. A block
inside a comment of HTML is run and not shown: what a reader does in an editor.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 300
PLAIN = re.compile(r"grade [\w ./=:'-]+")
"""A command that means the same without a shell."""
FENCE = re.compile(r"^( *)```(\w+)((?: +[\w.=/-]+)*) *\n(.*?)^\1``` *$", re.MULTILINE | re.DOTALL)


@dataclass
class Block:
    """One marked block of a page."""

    language: str
    line: int
    text: str
    words: list[str] = field(default_factory=list)

    def option(self, name: str) -> str | None:
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")), None)


def blocks(text: str) -> list[Block]:
    """The marked blocks of a page, in order."""
    found = []
    for match in FENCE.finditer(text):
        indent, language, rest, body = match.groups()
        words = rest.split()
        if "run" not in words and not any(word.startswith("file=") for word in words):
            continue
        body = re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        found.append(Block(language, text.count("\n", 0, match.start()) + 1, body, words))
    return found


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it is said to print."""
    found = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, printed = re.sub(r"\\\n(?:> )?", "", part).partition("\n")
        found.append((command, printed.strip("\n")))
    return found


def matches(printed: str, expected: str) -> bool:
    """Whether a text is as expected, where `...` stands for any text."""
    lines = [re.escape(line.rstrip()).replace(r"\.\.\.", ".*") for line in expected.splitlines()]
    found = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    return re.fullmatch("\n".join(lines), found, re.DOTALL) is not None


def run(command: list[str], folder: Path) -> tuple[int, str]:
    """Exit status and output of a command in a page's folder."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GRADE_", "PYTEST_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), clean["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**clean, "PATH": path, "COURSE": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    return done.returncode, done.stdout


Perform = Callable[..., None]


@pytest.fixture
def perform(invoke) -> Perform:
    """Do what a block says; fail with its line where that is not what happens."""

    def in_shell_or_here(command: str, folder: Path) -> tuple[int, str]:
        if not PLAIN.fullmatch(command):
            return run(["bash", "-c", command], folder)
        done = invoke(
            *shlex.split(command)[1:], cwd=folder, env={"COLUMNS": "100", "NO_COLOR": "1", "GRADE_EXERCISE": ""}
        )
        return done.returncode, done.output

    return partial(perform_block, in_shell_or_here)


def perform_block(
    run_command: Callable[[str, Path], tuple[int, str]], block: Block, folder: Path, page: str = "page"
) -> None:
    where = f"{page}, line {block.line}"
    if name := block.option("file"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(block.text)
    elif block.language == "python":
        status, printed = run([sys.executable, "-c", block.text], folder)
        assert status == 0, f"{where}:\n{printed}"
    elif block.language == "console":
        found = commands(block.text)
        assert found, f"{where}: no line begins with '$ '"
        for number, (command, expected) in enumerate(found, 1):
            status, printed = run_command(command, folder)
            wanted = int(block.option("exit") or 0) if number == len(found) else 0
            assert status == wanted, f"{where}: `{command}` ended with {status}:\n{printed}"
            assert not expected or matches(printed, expected), f"{where}: `{command}` printed:\n{printed}"
    else:
        raise AssertionError(f"{where}: a block of {block.language} cannot be run; give it file=NAME")


PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if blocks(page.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_does_what_it_says(page, tmp_path, perform):
    for block in blocks(page.read_text()):
        perform(block, tmp_path, page.name)


def test_there_are_pages():
    assert PAGES


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


# The runner itself.


def test_only_marked_blocks_are_found():
    page = "```python\nno\n```\n\n```python run\nyes\n```\n- x\n\n  ```toml file=a/b.toml\n  c = 1\n  ```\n"
    assert [(b.language, b.line, b.text, b.words) for b in blocks(page)] == [
        ("python", 5, "yes\n", ["run"]),
        ("toml", 10, "c = 1\n", ["file=a/b.toml"]),
    ]


def test_commands_are_told_from_what_they_print():
    text = "$ echo a \\\n    b\na    b\n$ true\n$ false\nno\n\nmore\n"
    assert commands(text) == [("echo a     b", "a    b"), ("true", ""), ("false", "no\n\nmore")]


@pytest.mark.parametrize(
    ("printed", "expected", "is_match"),
    [
        ("a\nb\n", "a\nb", True),
        ("a  \nb\n", "a\nb", True),
        ("a\nb\nc\n", "a\n...\nc", True),
        ("points: 1.5 of 2\n", "points: ... of 2", True),
        ("a\nb\n", "a", False),
        ("a\nxb\n", "a\nb", False),
        ("a.b", "a+b", False),
    ],
)
def test_dots_stand_for_any_text(printed, expected, is_match):
    assert matches(printed, expected) is is_match


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (Block("console", 3, "$ echo a\nb\n", ["run"]), "line 3: `echo a` printed:"),
        (Block("console", 3, "$ exit 4\n", ["run"]), "ended with 4"),
        (Block("console", 3, "$ grade show nothing\n", ["run"]), "ended with 2"),
        (Block("console", 3, "$ grade exercises\nnothing\n", ["run"]), "`grade exercises` printed:"),
        (Block("console", 3, "$ true\n", ["run", "exit=1"]), "ended with 0"),
        (Block("console", 3, "echo a\n", ["run"]), "no line begins"),
        (Block("python", 3, "1 / 0\n", ["run"]), "ZeroDivisionError"),
        (Block("toml", 3, "a = 1\n", ["run"]), "cannot be run"),
    ],
)
def test_what_is_not_so_fails_with_its_line(block, words, tmp_path, perform):
    with pytest.raises(AssertionError) as failure:
        perform(block, tmp_path)
    assert "page, line 3" in str(failure.value)
    assert words in str(failure.value)


def test_blocks_of_a_page_share_a_folder(tmp_path, perform):
    perform(Block("text", 1, "hello\n", ["file=sub/a.txt"]), tmp_path)
    perform(Block("python", 4, "print(open('sub/a.txt').read())\n", ["run"]), tmp_path)
    perform(Block("console", 7, "$ cat sub/a.txt\nhel...\n$ exit 3\n", ["run", "exit=3"]), tmp_path)
