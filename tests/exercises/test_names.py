"""The names of `name_classification`: how they are folded, divided and numbered, and an instructor's own."""

import importlib
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.course.loading import load_course
from grader.course.settings import CourseError, read_settings

ROOT = Path(__file__).parents[2]


def companion(name):
    """A file of the exercise, as the bundled course loads it."""
    (exercise,) = load_course(read_settings(), entry_points=False).pick(("name_classification",))
    return importlib.import_module(f"{exercise.data.__module__}.{name}")


corpus_py, drawing, folding, readers = map(companion, ("corpus", "drawing", "folding", "readers"))


def drawn(corpus, seed):
    return drawing.Names.drawn(corpus, torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def corpus():
    return corpus_py.from_faker()


@given(st.text(max_size=30))
def test_folding_gives_the_alphabet_and_is_done_once(name):
    folded = folding.fold(name)
    assert set(folded) <= set(folding.ALPHABET)
    assert folding.fold(folded) == folded


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Müller-Lüdenscheidt", "muller-ludenscheidt"),
        ("Wałęsa", "walesa"),
        ("Ó Súilleabháin", "o suilleabhain"),
        ("Großmann", "grossmann"),
        ("D’Angelo", "d'angelo"),
        ("Кузнецов", "kuznetsov"),
        ("Чайковский", "chaikovskii"),
        ("Ёлкин", "elkin"),
        ("Παπαδόπουλος", "papadopoulos"),
        ("ΧΑΤΖΉΣ", "chatzis"),
        ("O'Neill", "o'neill"),
        ("  van   der Berg, ", "van der berg"),
        ("Øster", "oster"),
        ("李", ""),
    ],
)
def test_folding(name, folded):
    assert folding.fold(name) == folded


@pytest.mark.parametrize(
    "relatives",
    [
        ("sokolov", "sokolova"),
        ("kaminski", "kaminska", "kaminsky"),
        ("tolstaya", "tolstoy"),
        ("papadopoulos", "papadopoulou"),
        ("griva", "grivas"),
        ("rossi", "rosso"),
    ],
)
def test_relatives_have_one_stem(relatives):
    assert len({folding.stem(name) for name in relatives}) == 1


@given(st.text(alphabet=folding.ALPHABET, min_size=1))
def test_a_stem_is_never_empty(name):
    assert folding.stem(name)


def test_the_lists_are_long_enough(corpus):
    """Faker's lists move between releases: should one shrink, the measured anchors no longer hold."""
    assert {"English", "French", "German"} <= corpus.classes.keys()
    assert len(corpus.classes) >= 8
    assert {label: len(names) for label, names in corpus.classes.items() if len(names) < 350} == {}
    stems = {label: len({folding.stem(name) for name in names}) for label, names in corpus.classes.items()}
    assert min(stems.values()) >= 240


def test_names_are_folded_and_in_one_list_only(corpus):
    names = [name for names in corpus.classes.values() for name in names]
    assert len(set(names)) == len(names)
    assert all(2 <= len(name) <= 16 and folding.fold(name) == name for name in names)


@pytest.mark.parametrize("seed", range(4))
def test_no_name_and_no_stem_is_in_two_parts(corpus, seed):
    parts = drawn(corpus, seed).parts
    for number in range(len(corpus.classes)):
        stems = [
            {folding.stem(name) for name, label in part if label == number}
            for part in (parts.training, parts.probe, parts.held_out, parts.showcase)
        ]
        assert all(stems)
        assert sum(map(len, stems)) == len(set().union(*stems))


def test_each_class_is_judged_by_as_many_names(corpus):
    parts = drawn(corpus, 1).parts
    for part, count in ((parts.probe, 30), (parts.held_out, 80), (parts.showcase, 30)):
        assert torch.tensor([label for _, label in part]).bincount().tolist() == [count] * len(corpus.classes)


def test_what_is_shown_is_never_judged(corpus):
    """A report of one run shows nothing of what counts in another."""
    shown = {name for name, _ in drawn(corpus, 1).parts.showcase}
    assert all({name for name, _ in drawn(corpus, seed).parts.showcase} == shown for seed in (2, 3))
    assert all(shown.isdisjoint(name for name, _ in drawn(corpus, seed).parts.held_out) for seed in range(4))


def test_letters_are_numbered_and_names_divided_anew(corpus):
    one, same, other = drawn(corpus, 1), drawn(corpus, 1), drawn(corpus, 2)
    assert (one.tokens, one.parts) == (same.tokens, same.parts)
    assert one.tokens != other.tokens
    assert one.parts.held_out != other.parts.held_out
    assert sorted(one.tokens.characters) == sorted(folding.ALPHABET)


def test_tokens_are_padded_on_the_right(corpus):
    names = drawn(corpus, 3)
    tokens, lengths = names.encode(["abba", "o'neill"])
    assert lengths.tolist() == [4, 7]
    assert tokens.shape == (2, 7)
    assert tokens.dtype == lengths.dtype == torch.int64
    assert (tokens == 0).sum(dim=1).tolist() == [3, 0]
    assert names.tokens.decode(tokens[0]) == "abba"
    assert int(tokens.max()) < len(names.tokens)


def test_lessons_are_balanced_and_labelled_rightly(corpus):
    names = drawn(corpus, 4)
    (tokens, lengths), classes = names.pools.lessons(5000, torch.Generator().manual_seed(0))
    counts = classes.bincount(minlength=len(corpus.classes))
    assert counts.min() > 0.7 * counts.double().mean()
    allowed = set(names.parts.training)
    for row, length, label in zip(tokens[:200], lengths.tolist(), classes.tolist(), strict=False):
        assert (names.tokens.decode(row[:length]), label) in allowed


def test_the_hash_changes_with_the_data(corpus):
    lists = {label: list(names) for label, names in corpus.classes.items()}
    again = corpus_py.Corpus.of("elsewhere", lists)
    assert again.digest == corpus.digest
    lists["Zulu"].pop()
    assert corpus_py.Corpus.of("elsewhere", lists).digest != corpus.digest
    assert f"sha256 {corpus.digest[:12]}" in str(corpus)
    assert "Faker" in str(corpus)


@pytest.mark.slow
def test_readers_without_memory_stay_below_the_ladder(corpus):
    """The anchors were measured with one release of Faker: with the installed one, they still hold."""
    (exercise,) = load_course(read_settings(), entry_points=False).pick(("name_classification",))
    task = next(check.task for check in exercise.checks if check.task)(torch.Generator().manual_seed(0))
    found = readers.measured(corpus)
    assert found.blind < task.zero < task.half < task.best < task.stop < found.whole < task.unusual
    assert found.blind == pytest.approx(0.59, abs=0.03)
    assert found.whole == pytest.approx(0.81, abs=0.03)


def write(folder, lists, encoding="utf-8"):
    folder.mkdir(parents=True)
    for label, names in lists.items():
        (folder / f"{label}.txt").write_bytes("\n".join(names).encode(encoding))


def some(corpus, *labels, count=200):
    return {label: list(corpus.classes[label][::4][:count]) for label in labels}


def own_course(folder):
    """A course whose own names lie in `data/names`."""
    shutil.copytree(ROOT / "exercises" / "name_classification", folder / "exercises" / "name_classification")
    (folder / "pyproject.toml").write_text('[tool.grade.exercises.name_classification]\nnames = "data/names"\n')
    return load_course(read_settings(folder), entry_points=False)


def test_an_instructors_folder_takes_the_place_of_faker(tmp_path, corpus):
    lists = some(corpus, "Irish", "Italian", "Zulu")
    write(tmp_path / "data" / "names", {**lists, "Irish": [f" {name.title()} " for name in lists["Irish"]]})
    (exercise,) = own_course(tmp_path).exercises
    task = next(check.task for check in exercise.checks if check.task)(torch.Generator().manual_seed(0))
    assert task.data.labels == ["Irish", "Italian", "Zulu"]
    assert task.arguments == (30, 3)
    assert task.worst == pytest.approx(1 / 3)
    assert task.worst < task.zero < task.half < task.best < task.stop <= task.unusual
    described = exercise.data()
    assert described.startswith("3 lists with ")
    assert "the folder 'names'" in described
    assert str(tmp_path) not in described


@pytest.mark.parametrize(
    ("lists", "encoding", "words"),
    [
        (None, "utf-8", "there is no folder 'names'"),
        ({}, "utf-8", "holds 0 files *.txt"),
        ({"Irish": ["o neill"]}, "utf-8", "two or more are needed"),
        ({"Few": ["aa", "bb"], "Many": [f"{a}{b}k" for a in "bcdfg" for b in "aeiouklmnr"]}, "utf-8", "Few.txt is too"),
        ({"A": ["Müller"] * 50, "B": ["Jäger"] * 50}, "latin-1", "A.txt is not in UTF-8"),
    ],
)
def test_a_bad_folder_is_refused_in_plain_words(tmp_path, lists, encoding, words):
    if lists is not None:
        write(tmp_path / "data" / "names", lists, encoding)
    with pytest.raises(CourseError, match=r"exercise 'name_classification'") as refused:
        own_course(tmp_path)
    assert words in str(refused.value)


def test_lists_that_share_their_names_are_refused(tmp_path, corpus):
    lists = some(corpus, "Irish", "Zulu")
    write(tmp_path / "data" / "names", {**lists, "Again": lists["Irish"]})
    with pytest.raises(CourseError, match=r"Again\.txt is too short"):
        own_course(tmp_path)


def test_lists_that_their_endings_tell_apart_are_refused(tmp_path, corpus):
    lists = {
        label: [name[:-2] + ending for name in corpus.classes["Zulu"]] for label, ending in (("A", "ax"), ("B", "oq"))
    }
    write(tmp_path / "data" / "names", lists)
    with pytest.raises(CourseError, match="choose other lists"):
        own_course(tmp_path)
