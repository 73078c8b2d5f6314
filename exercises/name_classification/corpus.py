"""The lists of names to distinguish: from Faker, or from an instructor's folder of text files."""

import functools
import hashlib
import importlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .folding import fold, stem

# Which attributes of Faker's person providers make up a list. Chosen by measurement, so that reading whole names pays
# off; short lists of one language are joined. Croatian, Estonian and Slovak are left out: endings decide there, or
# they blur with their neighbours.
FAKER = {
    "Dutch": ["nl_NL.last_names"],
    "English": ["en_GB.last_names"],
    "Finnish": ["fi_FI.last_names"],
    "French": ["fr_FR.last_names", "fr_CA.last_names", "fr_CH.last_names"],
    "German": ["de_DE.last_names", "de_AT.last_names", "de_CH.last_names"],
    "Greek": ["el_GR.last_names"],
    "Irish": ["ga_IE.last_names"],
    "Italian": ["it_IT.last_names"],
    "Polish": ["pl_PL.unisex_last_names", "pl_PL.male_last_names"],
    "Russian": ["ru_RU.last_names"],
    "Spanish": ["es_ES.last_names"],
    "Swedish": ["sv_SE.last_names"],
    "Zulu": ["zu_ZA.last_names"],
}
SHORTEST, LONGEST = 2, 16  # letters of a name
MINIMUM = 40  # stems of a class: fewer cannot be split into training, validation, held-out and showcase


@dataclass(frozen=True)
class Corpus:
    """Classes and their names, folded: no name is in two classes."""

    source: str
    """A description of where they are from."""
    classes: dict[str, tuple[str, ...]]
    """Both classes and names in alphabetical order."""

    @classmethod
    def of(cls, source: str, lists: Mapping[str, Iterable[str]]) -> "Corpus":
        """Fold the names; drop those that are too short or too long, or that two classes share."""
        folded = {label: {fold(name) for name in names} for label, names in sorted(lists.items())}
        found = Counter(name for names in folded.values() for name in names)
        kept = {
            label: tuple(sorted(name for name in names if found[name] == 1 and SHORTEST <= len(name) <= LONGEST))
            for label, names in folded.items()
        }
        return cls(source, kept)

    @property
    def digest(self) -> str:
        """SHA-256 of all classes and names: it changes with any of them."""
        lines = (f"{label}\t{name}\n" for label, names in self.classes.items() for name in names)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def __str__(self) -> str:
        count = sum(map(len, self.classes.values()))
        return f"{len(self.classes)} lists with {count} names, from {self.source}, sha256 {self.digest[:12]}"


@functools.cache
def from_faker() -> Corpus:
    """The lists of the installed Faker. Imported here because it takes a second."""
    import faker

    lists = {label: [name for path in paths for name in _provided(path)] for label, paths in FAKER.items()}
    return Corpus.of(f"Faker {faker.VERSION}", lists)


def _provided(path: str) -> Iterable[str]:
    """The names in one attribute, such as `fr_FR.last_names`: a list, or a dictionary with weights."""
    locale, attribute = path.split(".")
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    return list(getattr(provider, attribute))


@functools.cache
def from_folder(folder: Path) -> Corpus:
    """One class for each file `<Class>.txt`, UTF-8 with one name per line. Raises `ValueError` with a one-line
    message."""
    if not folder.is_dir():
        raise ValueError(f"names: there is no folder '{folder.name}'")
    files = sorted(file for file in folder.glob("*.txt") if file.is_file())
    if len(files) < 2:
        raise ValueError(
            f"names: '{folder.name}' holds {len(files)} files *.txt, one per class; two or more are needed"
        )
    corpus = Corpus.of(f"the folder '{folder.name}'", {file.stem: _lines(file) for file in files})
    for label, names in corpus.classes.items():
        count = len({stem(name) for name in names})
        if count < MINIMUM:
            raise ValueError(
                f"names: {label}.txt is too short: of its names of {SHORTEST} to {LONGEST} letters that no other file "
                f"has, {count} differ in more than their ending; at least {MINIMUM} are needed"
            )
    return corpus


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"names: {file.name} is not in UTF-8") from None
