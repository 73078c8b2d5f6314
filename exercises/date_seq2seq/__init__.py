"""Teach a sequence-to-sequence network to read dates: `January 15, 2023` becomes `2023-01-15`.

An encoder reads the spelled date, character by character. A decoder writes the ten characters of the answer
one by one, and reads each character that it wrote before it writes the next (Sutskever et al., 2014; Cho et al., 2014).

Hand in `date_seq2seq.py` with `class DateConverter(nn.Module)`:

- `DateConverter(src_vocab_size, tgt_vocab_size)` builds the model. Both sizes include the special tokens 0, 1
  and 2, which in both vocabularies are `<pad>`, `<sos>` (start of sequence) and `<eos>` (end of sequence). The
  characters are numbered at random in every run.
- `forward(src, tgt)` is for training, by teacher forcing. `src` has shape `(B, S)` (batch, characters of the
  longest date) and is padded with 0 on the right; `tgt`, of shape `(B, L)`, contains `<sos>` and then the right
  characters; both are int64. It returns logits `(B, L, tgt_vocab_size)`: those at position `i` predict what follows
  `tgt[:, i]`, and depend only on `src` and `tgt[:, :i+1]`. In training `L` is 11, and the last logits predict
  `<eos>`.
- `translate(src)` is for inference, when the answer is not known: greedy decoding. It starts with `<sos>`, takes
  the most likely character each time, feeds it back, and returns ten of them, always ten, as int64 `(B, 10)`:
  without the `<sos>`, and with or without an `<eos>` in an eleventh column; a model that stops at an early `<eos>`
  fills the rest with `<eos>`. It returns what `forward`, fed its own answers, would choose.

The dates are those of 1950 to 2050. The model is trained for at most 2500 optimizer steps on the cross entropy
of all eleven positions, and then translates dates it has never seen; a translation counts only if every character
is right. If the model needs a recipe other than the default, define one:

    class DateConverter(nn.Module):
        recipe = {"optimizer": "adam", "lr": 3e-3, "clip_norm": 1.0, "batch_size": 64}  # these are the defaults

Any recurrent layers, cells of your own, and attention are allowed. Two things make it learn in a few
hundred steps. Feed the decoder the encoder's final state at every step, together with the last character, and
not just as its initial state. And take that state where the date ends, not where its padding ends. A model that
translates by rules, or from a table it has stored, without its trained parameters, earns no points for learning.
The model must keep nothing from one call to the next.
"""

from grader import Exercise, Judged, LearningTask, Unmet, expect
from grader.probes import are_probabilities, expect_repeatable

from .dates import LENGTH, Dates
from .decoding import MODEL, Trial, answers, disagreement, exact, fed_with, logits
from .observing import show_translations, train

exercise = Exercise("date_seq2seq", title="Dates, sequence to sequence", statement=__doc__, names=(MODEL,))

SOFTMAX = "Leave the softmax out: the cross entropy takes it."
LEAK = "A decoder that runs backwards too, or is fed tgt[:, 1:], sees what it should predict: feed it tgt as it comes."
SOURCE = "Pass the encoder's final state to the decoder: as its initial state, and beside the character of each step."
FEED = "The decoder reads the embedding of tgt[:, i] at step i; in translate, that of the character chosen last."
STUCK = (
    "It did not beat the trivial baseline. Does the decoder get the encoder's state, taken where the date ends? "
    "Does translate feed back what it chose, and pass its state on?"
)
PADDING = "Take the encoder's state at the last character, (src != 0).sum(dim=1) - 1, or pack the sequences."
RULES = "The answer must come from what the network has learned, not from a rule or a table."


def make_task(generator):
    """The task, with characters numbered and dates split at random."""
    dates = Dates.drawn(generator)
    return LearningTask(
        model=MODEL,
        arguments=(len(dates.source), len(dates.target)),
        **dates.pools.arguments,
        data=dates,
        method="translate",
        read=answers,
        loss="cross_entropy",
        score=exact,
        metric="share of dates without any mistake",
        best=0.95,
        half=0.7,
        zero=0.05,
        worst=0.0,
        stop=0.99,
        steps=2500,
        lr=3e-3,
        batch_size=64,
        every=50,
        seconds=240.0,
        stuck=STUCK,
    )


@exercise.check(points=0.5)
def shapes(student):
    """forward gives logits for each position, and translate ten tokens for each date, whatever the sizes."""
    trial = Trial(student, student.task(make_task), 40)
    by_length = (trial.src != 0).sum(dim=1).argsort()
    for rows, length in ((by_length, LENGTH + 1), (by_length[:1], LENGTH + 1), (by_length[:3], 4), (by_length[-2:], 1)):
        src = trial.src[rows]
        src = src[:, : int((src != 0).sum(dim=1).max())]
        scores = logits(trial.model(src, trial.tgt[rows, :length]), len(rows), length, trial.classes)
        expect(not are_probabilities(scores), "what forward returns are probabilities, not logits", SOFTMAX)
        found = answers(trial.model.predict(src, method="translate"), trial.targets[rows])
        low, high = int(found.min()), int(found.max())
        reason = f"translate returns tokens from {low} to {high}, expected some of 0 to {trial.classes - 1}"
        expect(low >= 0 and high < trial.classes, reason, "A token is the place of the highest logit: argmax(-1).")


@exercise.check(points=0.5, needs=shapes)
def source(student):
    """What forward says depends on the date it is given."""
    trial = Trial.shaken(student, student.task(make_task), 32)
    same, other = (trial.forward(src, trial.tgt) for src in (trial.src, trial.src.roll(1, dims=0)))
    changed = float((same != other).flatten(1).any(dim=1).double().mean())
    expect(changed > 0.9, "the logits are the same, to the last digit, for another date", SOURCE)


@exercise.check(points=1, needs=source)
def causal(student):
    """What forward says at a position does not depend on the characters after it."""
    leaking, later = Trial.shaken(student, student.task(make_task), 16).leak()
    reason = f"the logits at position {leaking} change with tgt[:, {later}], which comes later"
    expect(leaking is None, reason, LEAK)


@exercise.check(points=1, needs=source)
def greedy(student):
    """translate gives what forward, fed its own answers, would choose."""
    trial = Trial.shaken(student, student.task(make_task), 64)
    for _ in range(2):
        found = trial.translate()
        wrong = disagreement(trial.forward(trial.src, fed_with(found)), found)
        if wrong > 0.1:  # measured: 0 where both agree, 0.8 and above otherwise
            reason = f"in {wrong:.0%} of an untrained model's translations there is a character that is not the one"
            raise Unmet(f"{reason} forward, fed the same answer, finds most likely", trial.cause(found))
        trial.shake(student.generator)


@exercise.check(points=0.5, needs=source)
def repeatable(student):
    """In evaluation mode, answers depend on their date alone: not on chance, earlier calls or neighbours."""
    # shaken: before that, the state that a date left has often faded away by the end of the next
    trial = Trial.shaken(student, student.task(make_task), 8)
    expect_repeatable(trial.model, trial.src, trial.tgt, name="what forward returns")
    expect_repeatable(trial.model, trial.src, name="the translation", method="translate")


@exercise.check(points=5, needs=causal, task=make_task)
def learns(student):
    """Trained on other dates, the model translates dates it has never seen."""
    learned = train(student, student.task(make_task))
    translations = learned.observed("translate")
    show_translations(student, learned.task.data, translations)
    verdict = learned.judge()
    if learned.observed("shuffled") > 0.05:
        student.flag("untrained-perfect")
        reason = "with its trained parameters shuffled it still translates: the answer does not come from them"
        raise Unmet(reason, RULES)
    apart = disagreement(*learned.observed("choices"))
    reason = f"in {apart:.0%} of the dates, the trained model's translation is not what its forward would choose"
    expect(apart < 0.5, reason, "translate answers by the same layers as forward, which is what training improves.")
    right, padded = exact(translations, learned.task.data.pools.shown()[1]), learned.observed("padded")
    if verdict.share < 1 and padded < 0.7 * right:  # measured: the same where padding is not read
        reason = f"{verdict.reason} Behind more padding than usual, it falls from {right:.2g} to {padded:.2g}."
        return Judged(verdict.share, reason, PADDING)
    return verdict


@exercise.check(points=1.5, needs=learns)
def feedback(student):
    """What the trained decoder says next depends on the character it was fed last."""
    moved = student.learned(learns).observed("feedback")
    reason = f"if tgt[:, i] is another character, the logits at position i change by {moved:.1g} of their spread"
    expect(moved > 0.01, reason, FEED)  # measured: 0.5 and above; 0 in a decoder that is never fed
