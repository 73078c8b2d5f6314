"""What a plain install leaves out: the extras of this distribution, and the line that says which of them is missing.

Whatever needs an extra calls `require_extra` before it does anything else. Students need none.
"""

import importlib.metadata
import importlib.util
from collections.abc import Iterable

from grader.records.errors import UsageError

EXTRAS = {
    "batch": {"sqlalchemy": "SQLAlchemy"},
    "cluster": {"sqlalchemy": "SQLAlchemy", "distributed": "distributed"},
    "postgres": {"sqlalchemy": "SQLAlchemy", "psycopg": "psycopg"},
}
"""The modules that an extra brings, each with the name of its distribution."""


class MissingExtra(UsageError):
    """What was asked for needs an extra that is not installed: which packages, and the command that installs them."""


def require_extra(extra: str, feature: str) -> None:
    """Raise `MissingExtra` unless everything that an extra brings is installed; `feature` is what needs it."""
    absent = [name for module, name in EXTRAS[extra].items() if not _is_installed(module)]
    if absent:
        are = "are" if len(absent) > 1 else "is"
        raise MissingExtra(f"{feature} needs {_joined(absent)}, which {are} not installed: {pip_command(extra)}")


def installed_extras() -> dict[str, str]:
    """For each extra what is installed of it, with versions, or the command that installs it."""
    found = {}
    for extra, modules in EXTRAS.items():
        if all(map(_is_installed, modules)):
            found[extra] = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in modules.values())
        else:
            found[extra] = f"not installed: {pip_command(extra)}"
    return found


def pip_command(extra: str) -> str:
    """What installs an extra; quoted, because a shell such as zsh expands brackets.

    Right for a checkout too: pip takes the installed version, an editable one as well, and adds what its extra lists.
    """
    return f"pip install 'rnn-grader[{extra}]'"


def _is_installed(module: str) -> bool:
    """Looks for it without importing it: a library may take a second."""
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _joined(names: Iterable[str]) -> str:
    return " and ".join(names)
