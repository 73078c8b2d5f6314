"""The default conversion of a model's output: numbers shaped like the targets, or logits."""

import torch

from grader.authoring.expectations import Unmet, describe


def _floating(found: object) -> torch.Tensor:
    if not isinstance(found, torch.Tensor) or not found.is_floating_point() or found.dim() == 0:
        raise Unmet(f"`forward` returned {describe(found)}, expected a floating-point tensor, batch first")
    return found


def _numbers(found: object, targets: torch.Tensor) -> torch.Tensor:
    """Predictions (B, 1) or (B,) in the targets' shape."""
    predictions = _floating(found)
    if predictions.numel() != targets.numel() or len(predictions) != len(targets):
        shape, wanted = tuple(predictions.shape), (len(targets), 1)
        raise Unmet(f"its predictions have shape {shape}, expected {wanted} or {wanted[:1]}")
    return predictions.reshape(targets.shape)


def _logits(found: object, targets: torch.Tensor) -> torch.Tensor:
    """Logits (..., C) for targets (...)."""
    logits = _floating(found)
    if logits.shape[:-1] != targets.shape or logits.shape[-1] <= int(targets.max()):
        classes = f"({', '.join(map(str, targets.shape))}, number of classes)"
        raise Unmet(f"its predictions have shape {tuple(logits.shape)}, expected {classes}")
    return logits


READ = {"mse": _numbers, "cross_entropy": _logits}
"""The default `LearningTask.read`, by loss."""
