"""Scores of a learning task: answers and targets, both batch first -> one number, the mean over the batch."""

import torch


def mean_squared_error(predictions: torch.Tensor, targets: torch.Tensor) -> float:
    """The mean squared difference of two tensors of one shape: 0 is perfect, in the unit of the targets, squared."""
    _require_shapes(predictions.shape, targets.shape)
    return float((predictions - targets).square().mean())


def correlation(predictions: torch.Tensor, targets: torch.Tensor) -> float:
    """Pearson's correlation, from -1 to 1, of two tensors of one shape; NaN where either is the same throughout."""
    _require_shapes(predictions.shape, targets.shape)
    return float(torch.corrcoef(torch.stack([predictions.double().flatten(), targets.double().flatten()]))[0, 1])


def accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The share, from 0 to 1, of targets (...) that have the highest of their logits (..., C)."""
    return float(_hits(logits, targets).mean())


def balanced_accuracy(logits: torch.Tensor, targets: torch.Tensor) -> float:
    """The accuracy of logits (..., C) in each class that targets (...) hold, averaged over these classes: a class of
    few examples counts as much as one of many."""
    hits = _hits(logits, targets)
    return float(torch.stack([hits[targets == number].mean() for number in targets.unique()]).mean())


def exact_match(found: torch.Tensor, targets: torch.Tensor) -> float:
    """The share, from 0 to 1, of rows (B, L) of tokens that are right in every token."""
    _require_shapes(found.shape, targets.shape)
    return float((found == targets).all(dim=1).double().mean())


def _hits(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """1.0 where the highest logit is that of the target, else 0.0, in the shape of the targets."""
    _require_shapes(logits.shape[:-1], targets.shape)
    return (logits.argmax(dim=-1) == targets).double()


def _require_shapes(found: torch.Size, wanted: torch.Size) -> None:
    """Raise `ValueError` where shapes differ: tensors that broadcast would be scored without a word."""
    if found != wanted:
        raise ValueError(f"answers {tuple(found)} and targets {tuple(wanted)} do not fit")
