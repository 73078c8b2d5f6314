"""Tell from its letters which list a name comes from.

The names are surnames from thirteen lists, unless your course brings its own: Dutch, English, Finnish, French,
German, Greek, Irish, Italian, Polish, Russian, Spanish, Swedish and Zulu. They are in lower case, in Latin
letters without accents. The question is *which name list?* and nothing more: the answer says nothing about anybody's
nationality. Most names are ambiguous. A guess is right one time in thirteen, the last two letters alone get six
in ten right, and small recurrent networks, which read the whole name, seven or nearly eight.

Hand in `name_classification.py` with

- `class NameClassifier(nn.Module)`: `NameClassifier(vocab_size, num_classes)` builds the model, and
  `forward(tokens, lengths)` returns logits of shape `(B, C)`: one number for each name and list, the larger the
  likelier, for every batch size, length and number of lists. `tokens` has shape `(B, T)` (batch, letters of the
  longest name) and `lengths`, of shape `(B,)`, says how many letters each name has; both are int64. Names are not
  sorted by length, and T may be larger than any of the lengths.

Token 0 is padding, on the right of the shorter names. The other tokens are letters, numbered at random in every
run. Most names are followed by padding, so the last state of a recurrent layer has read padding: use the state at
the last *letter* (or pack the sequences, or take the mean over the letters). An answer must depend neither on how
much padding follows a name nor on the other names in the batch.

Cells and layers of every kind are allowed, and of any size. The model is trained for at most 1000 optimizer
steps on the cross entropy, on batches in which each list is as likely as any other, and is then tested on names
it has never seen. Names that differ only in their ending, such as Sokolov and Sokolova, are never split between
training and test. The score is the balanced accuracy: the fraction of right answers in each list, averaged over
the lists. If the model needs a recipe other than the default, define one:

    class NameClassifier(nn.Module):
        recipe = {"optimizer": "adam", "lr": 5e-3, "clip_norm": 1.0, "batch_size": 64}  # these are the defaults

`forward` returns logits, not probabilities: the cross entropy applies the softmax. The model must read the whole
name, from its first letter on, and the order of the letters must matter. It must keep nothing from one call to the
next.
"""

import torch

from grader import Exercise, LearningTask, expect, scores
from grader.probes import are_probabilities, expect_repeatable, expect_unbounded

from .asking import LETTERS, MODEL, Probe, answers
from .drawing import Names
from .observing import show_answers, train
from .readers import chosen

SOFTMAX = "Leave the softmax out: the cross entropy takes it, so it would be applied twice."
BOUNDED = "End with a linear layer, without a sigmoid or tanh after it."
PASS_STATE_ON = (
    "Pass the state on from letter to letter. PyTorch's layers take the batch first only with batch_first=True."
)
ORDER = "A sum or mean of embeddings has forgotten which letter came first: a recurrent network reads them in order."
PADDING = (
    "Take the state at the last letter, outputs[torch.arange(B), lengths - 1], or pack the sequences with "
    "pack_padded_sequence(..., enforce_sorted=False); a mean or maximum goes over the letters only."
)
STUCK = (
    "It did not get past guessing. Does each letter have an embedding, is the state passed on, and does the loss get "
    "logits?"
)
NOT_WHOLE = (
    "That is what the ending of a name or its letters without their order are good for. Is the state read at the last "
    "letter, and not behind the padding? Does it carry the whole name?"
)
FORGETS = "Its state forgets too fast: is it scaled down, or reset on the way?"

exercise: Exercise = Exercise(
    "name_classification",
    title="Names, classified",
    statement=__doc__,
    names=(MODEL,),
    options={"names": ""},
    data=lambda: str(chosen(exercise.path("names"))[0]),
)


def make_task(generator):
    """The task, with letters numbered and names split at random."""
    corpus, anchors = chosen(exercise.path("names"))
    data = Names.drawn(corpus, generator)
    return LearningTask(
        **data.pools.arguments,
        data=data,
        model=MODEL,
        arguments=(len(data.tokens), len(data.labels)),
        loss="cross_entropy",
        read=lambda found, targets: answers(found, len(targets), len(data.labels)),
        score=scores.balanced_accuracy,
        metric="balanced accuracy",
        best=anchors.between(0.32),
        half=anchors.between(0.2),
        zero=anchors.between(0.08),
        worst=1 / len(data.labels),
        stop=anchors.between(0.64),
        unusual=anchors.between(1.4),
        steps=1000,
        lr=5e-3,
        batch_size=64,
        every=50,
        stuck=STUCK,
    )


@exercise.check(points=0.5)
def shapes(student):
    """NameClassifier gives logits (B, C) for each batch of names, whatever the sizes."""
    for vocabulary, classes in ((30, 13), (12, 3)):
        model = student.build(MODEL, vocabulary, classes)
        for count, width in ((6, 12), (1, 5), (3, 2)):
            lengths = torch.randint(2, width + 1, (count,), generator=student.generator)
            tokens = torch.randint(1, vocabulary, (count, width), generator=student.generator)
            tokens[torch.arange(width) >= lengths[:, None]] = 0
            answers(model(tokens, lengths), count, classes)


@exercise.check(points=1.5, needs=shapes)
def whole_name(student):
    """The answer depends on every letter of a name, the first ones too, and on their order."""
    probe = Probe(student, student.task(make_task))
    expect(probe.is_awake, "the answer is the same for all names", PASS_STATE_ON)
    unread = probe.unread()
    reason = f"the answer does not depend on letter {unread} of a name with {LETTERS} letters"
    expect(unread is None, reason, PASS_STATE_ON)
    given, swapped = probe.ask(probe.names), probe.ask([name[:-2] + name[-1] + name[-2] for name in probe.names])
    moved = float((swapped - given).abs().max())
    expect(moved > 1e-5 * float(given.std()), "the answer stays the same when letters of a name change places", ORDER)


@exercise.check(points=1, needs=whole_name)
def logits(student):
    """The answers are logits, which can be any number, and not probabilities."""
    probe = Probe(student, student.task(make_task))
    reason = "the answers to each name add up to 1: they are probabilities, not logits"
    expect(not are_probabilities(probe.ask(probe.names)), reason, SOFTMAX)
    asked = probe.data.encode(probe.names)
    expect_unbounded(probe.model, asked, student.generator, reach="either", read=probe.read, hint=BOUNDED)


@exercise.check(points=2, needs=whole_name)
def padding(student):
    """The answer does not depend on how much padding follows a name."""
    probe = Probe(student, student.task(make_task))
    tokens, lengths = probe.data.encode(probe.mixed)
    given = probe.answers(tokens, lengths)
    for more in (2, 7):
        found = probe.answers(torch.nn.functional.pad(tokens, (0, more)), lengths)
        apart = float((found - given).abs().max() / given.std())
        reason = f"{more} more tokens of padding after each name change an answer by {apart:.2g} of its spread"
        expect(apart < 1e-3, reason, PADDING)


@exercise.check(points=1.5, needs=whole_name)
def alone(student):
    """In evaluation mode, the answer depends on its name alone: not on chance, earlier calls or neighbours."""
    probe = Probe(student, student.task(make_task))
    expect_repeatable(probe.model, *probe.data.encode(probe.mixed))


@exercise.check(points=3.5, needs=whole_name, task=make_task)
def learns(student):
    """Trained on other names, the model recognises from which list a new name is."""
    learned = train(student, student.task(make_task))
    show_answers(student, learned)
    verdict = learned.judge(NOT_WHOLE)
    changed = learned.observed("beginnings")
    reason = f"where all but the last three letters of a name are those of another, {changed:.0%} of the answers change"
    expect(changed > 0.25, reason, FORGETS)  # measured: 0.43 and above, 0.13 where the state fades
    return verdict
