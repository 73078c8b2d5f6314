"""Score functions of learning tasks: answers and targets, both batch first -> one number, the mean over the batch."""

import torch


def mean_squared_error(predictions: torch.Tensor, targets: torch.Tensor) -> float:
    """The mean squared difference of two tensors of the same shape, in the targets' unit squared; 0 is perfect."""
    _require_shapes(predictions.shape, targets.shape)
    return float((predictions - targets).square().mean())


def correlation(predictions: torch.Tensor, targets: torch.Tensor) -> float:
    """Pearson's correlation, from -1 to 1, of two tensors of the same shape; NaN if either is constant."""
    _require_shapes(predictions.shape, targets.shape)
    return float(torch.corrcoef(torch.stack([predictions.double().flatten(), targets.double().flatten()]))[0, 1])


def accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The fraction of targets (...) whose logit is the highest of logits (..., C)."""
    return float(_hits(logits, targets).mean())


def balanced_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The accuracy of logits (..., C) for targets (...), averaged over the classes that occur: a small class counts as
    much as a large one."""
    hits = _hits(logits, targets)
    return float(torch.stack([hits[targets == number].mean() for number in targets.unique()]).mean())


def exact_match(found: torch.Tensor, targets: torch.Tensor) -> float:
    """The fraction of rows (B, L) of tokens in which every token is right."""
    _require_shapes(found.shape, targets.shape)
    return float((found == targets).all(dim=1).double().mean())


def _hits(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """1.0 where the target's logit is the highest, else 0.0; in the shape of the targets."""
    _require_shapes(logits.shape[:-1], targets.shape)
    return (logits.argmax(dim=-1) == targets).double()


def _require_shapes(found: torch.Size, wanted: torch.Size) -> None:
    """Raise `ValueError` if shapes differ: broadcasting would silently compute a wrong score."""
    if found != wanted:
        raise ValueError(f"answers {tuple(found)} and targets {tuple(wanted)} do not fit")
