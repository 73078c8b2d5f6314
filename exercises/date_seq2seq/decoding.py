"""What a converter returns, read with care, and whether its two ways of answering agree."""

import torch

from grader import expect, expect_shape, scores
from grader.probes import shake_parameters

from .dates import EOS, LENGTH, SOS, SPECIAL, framed

MODEL = "DateConverter"


def answers(found, targets):
    """Tokens (B, 10) or (B, 11), as translate returns them."""
    is_longer = isinstance(found, torch.Tensor) and found.dim() == 2 and found.shape[1] == LENGTH + 1
    hint = f"Exactly {LENGTH} characters for each date, no <sos> in front: torch.stack(characters, dim=1)."
    found = expect_shape(found, (len(targets), LENGTH + is_longer), "what translate returns", hint=hint)
    expect(found.dtype == torch.int64, f"translate returns dtype {found.dtype}, expected int64", "logits.argmax(-1)")
    return found


def exact(found, targets):
    """The share of rows that are right in every character, and end there if they have an eleventh."""
    return scores.exact_match(found, framed(targets)[1][:, : found.shape[1]])


def logits(found, count, length, classes):
    """Logits (B, L, V), as forward returns them, in float64."""
    hint = "One row of logits for each position of tgt, the batch first; a softmax is not needed."
    found = expect_shape(found, (count, length, classes), "what forward returns", hint=hint)
    expect(found.is_floating_point(), f"forward returns dtype {found.dtype}, expected a floating-point one")
    return found.double()


def altered(tgt, at, classes):
    """tgt with another character at one position."""
    tgt = tgt.clone()
    tgt[:, at] = len(SPECIAL) + (tgt[:, at] - len(SPECIAL) + 1) % (classes - len(SPECIAL))
    return tgt


def fed_with(found):
    """What the decoder was fed while it wrote these tokens (B, 10): <sos>, and all but the last of them."""
    return torch.cat([torch.full_like(found[:, :1], SOS), found[:, :-1]], dim=1)


def spread(values):
    """By how much logits usually differ, whatever a few of them are, such as -1e9 for what must never be chosen."""
    return max(float((values - values.median()).abs().median()), 1e-12)


def disagreement(values, found):
    """The share of rows with a token that has not the highest of these logits (B, T, V); what follows an <eos> does not
    count."""
    of_chosen = values.gather(2, found.clamp(0, values.shape[2] - 1)[:, :, None])[:, :, 0]
    is_short = values.max(dim=2).values - of_chosen > 1e-3 * spread(values)  # rounding alone stays far below
    is_over = (found == EOS).cumsum(dim=1) - (found == EOS).long() > 0
    return float((is_short & ~is_over).any(dim=1).double().mean())


class Trial:
    """An untrained model, and dates to try it on."""

    def __init__(self, student, task, count):
        (sources,), targets = task.data.pools.shown()
        rows = torch.randperm(len(targets), generator=student.generator)[:count]
        self.src, self.targets = sources[rows], targets[rows]
        self.tgt = framed(self.targets)[0]
        self.classes = len(task.data.target)
        self.model = student.build(MODEL, *task.arguments)

    @classmethod
    def shaken(cls, student, task, count):
        """A trial of a model that answers each date in its own way."""
        trial = cls(student, task, count)
        trial.shake(student.generator)
        return trial

    def shake(self, generator):
        """Move all parameters a little, so that even an untrained model answers each date in its own way."""
        self.forward(self.src, self.tgt)  # lazy modules get their parameters in the first call
        shake_parameters(self.model, generator, 0.3)

    def forward(self, src, tgt):
        """Logits in evaluation mode."""
        count, length = tgt.shape
        return logits(self.model.predict(src, tgt), count, length, self.classes)

    def translate(self):
        """What the model answers, without an <eos> at the end."""
        return answers(self.model.predict(self.src, method="translate"), self.targets)[:, :LENGTH]

    def leak(self):
        """The first position whose logits change with a character after it, and where that stands; else two None."""
        given, again = (self.forward(self.src, self.tgt) for _ in range(2))
        slack = 1e-4 * spread(given) + 3 * float((given - again).abs().mean())  # chance is another check's business
        for at in range(1, LENGTH + 1):
            before = self.forward(self.src, altered(self.tgt, at, self.classes))[:, :at]
            leaking = ((before - given[:, :at]).abs().mean(dim=(0, 2)) > slack).nonzero().flatten().tolist()
            if leaking:
                return leaking[0], at
        return None, None

    def cause(self, found):
        """What translate seems to do instead of greedy decoding, as a hint."""
        fed = fed_with(found)
        if bool((found[:, 0] == SOS).all()):
            return "The first token is always <sos>: it is fed to the decoder, but no part of the answer."
        if float((self.translate() != found).any(dim=1).double().mean()) > 0.1:
            return "Asked twice, translate gives two answers: take the argmax, draw nothing, switch dropout off."
        if disagreement(self.forward(self.src, torch.full_like(fed, SOS)), found) < 0.1:
            return "It seems to be fed <sos> at every step: feed back the character it chose last."
        alone = torch.cat([self.forward(self.src, fed[:, [at]]) for at in range(LENGTH)], dim=1)
        if disagreement(alone, found) < 0.1:
            return "It seems to restart at every step: pass the decoder's state on to the next one."
        return "Both take the same steps: same layers, same first state, <sos> first, the argmax, and that fed back."
