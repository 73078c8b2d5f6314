"""Reads Gradescope's `submission_metadata.yml` event by event.

Such a file contains every old result, up to hundreds of megabytes, of which only a few lines matter: who submitted, and
when. So nothing else is constructed, tags are ignored, and an alias refers to the value read before and never copies
it. Ids remain text, such as `007`."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from grader.plugin import BadDownload

if TYPE_CHECKING:
    import yaml

_MAX_BYTES = 200 << 20
_MAX_SUBMITTERS = 100
_MAX_DEPTH = 4
_MAX_SKIPPED_DEPTH = 1000
"""For skipped values: the parser's time grows with the square of the depth."""
_NOTHING = {"", "~", "null", "Null", "NULL"}

Value = str | None | list[Any] | dict[str, Any]


class Submitter(NamedTuple):
    """A student who submitted; missing fields are empty."""

    sid: str
    name: str
    email: str


class Submission(NamedTuple):
    """The metadata of one folder."""

    submitters: list[Submitter]
    when: str | None
    warnings: list[str]


def read_metadata(path: Path) -> dict[str, Submission]:
    """The submissions by folder name. Raises `BadDownload` for a file that cannot be read."""
    import yaml  # here, because `grade --help` should not wait for it

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BadDownload(f"{path.name}: larger than {_MAX_BYTES >> 20} MiB; delete the old results in it")
        with path.open("rb") as file:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            return _Reader(yaml.parse(file, Loader=loader), path.name).submissions()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadDownload(f"{path.name}{line}: it is not valid YAML; export the submissions again") from None
    except (OSError, UnicodeError) as error:
        raise BadDownload(f"{path.name}: it cannot be read: {error}") from None


class _Reader:
    """Walks the events. Each method takes the first event of a value and consumes all its events."""

    def __init__(self, events: "Iterator[yaml.Event]", file: str) -> None:
        self.events = events
        self.file = file
        self.anchors: dict[str, Value] = {}

    def submissions(self) -> dict[str, Submission]:
        import yaml

        first = next((event for event in islice(self.events, 3) if isinstance(event, yaml.NodeEvent)), None)
        if not isinstance(first, yaml.MappingStartEvent):
            raise BadDownload(f"{self.file}: expected a list of submissions by folder name; export them again")
        return {key: self.submission(event) for key, event in self.pairs()}

    def pairs(self) -> "Iterator[tuple[str, yaml.Event]]":
        """The keys of a mapping, each with the first event of its value, which must be consumed before the next key."""
        import yaml

        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            name = key.value if isinstance(key, yaml.ScalarEvent) else ""
            if not isinstance(key, yaml.ScalarEvent):
                self.skip(key)
            yield name.removeprefix(":"), next(self.events)

    def submission(self, event: "yaml.Event") -> Submission:
        import yaml

        if not isinstance(event, yaml.MappingStartEvent):
            self.skip(event)
            return Submission([], None, [])
        submitters: list[Submitter] = []
        when, warnings = None, []
        for key, value in self.pairs():
            if key == "submitters":
                listed = self.value(value)
                listed = listed if isinstance(listed, list) else []
                submitters = [_submitter(one) for one in listed[:_MAX_SUBMITTERS] if isinstance(one, dict)]
                if len(submitters) < len(listed):
                    warnings.append(f"{len(listed) - len(submitters)} of its submitters could not be read")
            elif key == "created_at":
                text = self.value(value)
                when = iso(text) if isinstance(text, str) else None
                if text and when is None:
                    warnings.append("the time of submission could not be read")
            else:
                self.skip(value)
        return Submission(submitters, when, warnings)

    def value(self, event: "yaml.Event", depth: int = 0) -> Value:
        """A value as text, lists and dictionaries; None for null, and for anything nested too deeply."""
        import yaml

        if isinstance(event, yaml.AliasEvent):
            return self.anchors.get(event.anchor)
        result: Value = None
        if isinstance(event, yaml.ScalarEvent):
            result = None if event.implicit[0] and event.value in _NOTHING else event.value
        elif depth >= _MAX_DEPTH:
            self.skip(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            result = []
            while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                result.append(self.value(item, depth + 1))
        else:
            result = {key: self.value(value, depth + 1) for key, value in self.pairs()}
        if event.anchor:
            self.anchors[event.anchor] = result
        return result

    def skip(self, event: "yaml.Event") -> None:
        """Skip a value of any depth."""
        import yaml

        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            if depth > _MAX_SKIPPED_DEPTH:
                raise BadDownload(f"{self.file}: nested deeper than {_MAX_SKIPPED_DEPTH} levels; export it again")
            event = next(self.events)


def _submitter(fields: dict[str, Any]) -> Submitter:
    texts = {key: value.strip() for key, value in fields.items() if isinstance(value, str)}
    return Submitter(texts.get("sid", ""), texts.get("name", ""), texts.get("email", ""))


def iso(text: str) -> str | None:
    """A time written by YAML or Ruby, such as `2026-01-15 10:22:33.123456789 -08:00`, in ISO 8601, else None."""
    day, _, rest = text.strip().partition(" " if " " in text.strip() else "T")
    try:
        return datetime.fromisoformat(f"{day}T{rest.replace(' ', '')}" if rest else day).isoformat()
    except ValueError:
        return None
