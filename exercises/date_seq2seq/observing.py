"""How a trained converter behaves on the dates that a report may show, and what the report shows of it."""

import torch

from grader import StudentRaised, Unmet, learn
from grader.figures import Cell, Curve, Line, Samples, differing

from .dates import LENGTH, framed
from .decoding import altered, answers, exact, fed_with, logits, spread

PARTS = {"year": slice(0, 4), "month": slice(5, 7), "day": slice(8, 10)}
SHOWN = 6  # so many wrong translations at most, and as many right ones


def train(student, task):
    """Train, and look at the trained model."""
    (src,), targets = task.data.pools.shown()
    tgt, classes = framed(targets)[0], len(task.data.target)

    def forward(model, tgt):
        count, length = tgt.shape
        return logits(model.predict(src, tgt), count, length, classes)

    def translate(model, src=src):
        return answers(model.predict(src, method="translate"), targets)

    def choices(model):
        """Logits of forward, fed what translate answers, and these answers."""
        found = translate(model)[:, :LENGTH]
        return forward(model, fed_with(found)), found

    def feedback(model):
        """How far the logits at i move with tgt[:, i], in units of their spread."""
        given = forward(model, tgt)
        moves = [forward(model, altered(tgt, at, classes))[:, at] - given[:, at] for at in range(1, LENGTH)]
        return float(torch.stack(moves).abs().mean() / spread(given))

    def right(model, src=src):
        """The share of dates that are right; a missing answer is wrong."""
        try:
            return exact(translate(model, src), targets)
        except (StudentRaised, Unmet):
            return 0.0

    def padded(model):
        """The share of dates that are right with more padding behind them."""
        return right(model, torch.nn.functional.pad(src, (0, 6)))

    def shuffled(model):
        """The share of dates that are right when the trained parameters change places."""
        weights = model.weights()
        model.load_weights(weights[torch.randperm(len(weights), generator=student.generator)])
        return right(model)

    looks = (translate, choices, feedback, padded, shuffled)  # shuffled last: it overwrites the trained parameters
    return learn(student, task, observe={look.__name__: look for look in looks})


def show_translations(student, dates, found):
    """Attach translations, wrong and right ones, and how often each position is right."""
    (src,), targets = dates.pools.shown()
    hits = found[:, :LENGTH] == targets
    right = hits.all(dim=1)
    share = {part: float(hits[:, at].all(dim=1).double().mean()) for part, at in PARTS.items()}
    parts = ", ".join(f"the {part} in {value:.0%}" for part, value in share.items())
    rows = [row for is_right in (False, True) for row in (right == is_right).nonzero().flatten().tolist()[:SHOWN]]
    texts = [
        (dates.source.decode(src[r]), dates.target.decode(targets[r]), dates.target.decode(found[r, :LENGTH]))
        for r in rows
    ]
    student.show(
        Samples(
            title="Translations",
            sentence=f"Of {len(found)} dates kept for this report, {int(right.sum())} are right in every character: "
            f"{parts}. Wrong ones come first.",
            columns=["date", "right answer", "your model's answer"],
            rows=[[Cell(date), Cell(wanted), differing(answer, wanted)] for date, wanted, answer in texts],
        )
    )
    positions = hits.double().mean(dim=0)
    weakest = int(positions.argmin())
    part = next((part for part, at in PARTS.items() if at.start <= weakest < at.stop), "hyphen")
    sentence = (
        f"The weakest position is {weakest + 1}, in the {part}: right in {float(positions[weakest]):.0%} of the dates."
    )
    if bool(right.all()):
        sentence = "Every position is right in all of the dates kept for this report."
    student.show(
        Curve(
            title="Accuracy at each position",
            sentence=f"{sentence} Positions 1 to 4 are the year, 6 and 7 the month, 9 and 10 the day.",
            x_label="position in the answer",
            y_label="share of right characters",
            lines=[Line("your model", list(range(1, LENGTH + 1)), positions)],
        )
    )
