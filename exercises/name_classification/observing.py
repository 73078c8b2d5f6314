"""How a trained classifier behaves on the names that a report may show, and what the report shows of it."""

import torch

from grader import StudentRaised, Unmet, learn
from grader.figures import Cell, Matrix, Samples

from .asking import answers

SHOWN = 10  # so many mistakes
KEPT = 3  # letters of the ending


def train(student, task):
    """Train, and look at the trained model."""
    data = task.data
    (tokens, lengths), _ = data.pools.shown()
    names = [name for name, _ in data.parts.showcase if len(name) > KEPT + 2]
    order = torch.randperm(len(names), generator=student.generator).tolist()
    crossed = [names[other][:-KEPT] + name[-KEPT:] for name, other in zip(names, order, strict=True)]

    def ask(model, inputs):
        return answers(model.predict(*inputs), len(inputs[0]), len(data.labels))

    def beginnings(model):
        """The share of answers that change with all but the last letters."""
        one, other = (ask(model, data.encode(asked)).argmax(dim=1) for asked in (names, crossed))
        return float((one != other).double().mean())

    return learn(student, task, {"shown": lambda model: ask(model, (tokens, lengths)), "beginnings": beginnings})


def show_answers(student, learned):
    """Attach the confusion matrix and telling mistakes, where there are answers."""
    try:
        logits = learned.observed("shown")
    except (StudentRaised, Unmet):
        return
    data = learned.task.data
    targets, found = data.pools.shown()[1], logits.argmax(dim=1)
    matrix = Matrix.of(
        targets, found, data.labels, title="Which list is taken for which", things="names", row_label="list"
    )
    student.show(matrix)
    wrong = (found != targets).nonzero().flatten()
    if len(wrong):
        student.show(mistakes(wrong, logits, targets, data))


def mistakes(wrong, logits, targets, data):
    """The mistakes that the model is surest of, one for each two lists."""
    chances = logits.softmax(dim=1)
    found = logits.argmax(dim=1)
    rows: list[list[Cell]] = []
    seen = set()
    for row in wrong[chances[wrong, found[wrong]].argsort(descending=True)].tolist():
        pair = (int(targets[row]), int(found[row]))
        if pair in seen or len(rows) == SHOWN:
            continue
        seen.add(pair)
        name = data.parts.showcase[row][0]
        sure = f"{float(chances[row, pair[1]]):.0%}"
        rows.append([Cell(name), Cell(data.labels[pair[0]]), Cell(data.labels[pair[1]]), Cell(sure)])
    return Samples(
        title="Mistakes it was sure of",
        sentence=f"{len(wrong)} names are wrong. These are the surest mistakes, one for each two lists: would you have "
        "known better?",
        columns=["name", "list", "your model's answer", "how sure"],
        rows=rows,
        description="In each row a name, its list, the list that the model answered, and how sure it was.",
    )
