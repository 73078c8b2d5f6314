"""Inside the jail: the training loop. The data, the name of the loss and the decision to stop come from outside.

The losses and gradient norms that it reports come from a process that runs student code: they are for display only.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import functional as F

from grader.jail.shared import messages

_OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
_TAKES_MOMENTUM = ("sgd", "rmsprop")


class Trainer:
    """A model under training: its optimizer, its schedule, and the steps taken so far."""

    def __init__(self, model: torch.nn.Module, parameters: list[torch.Tensor], how: messages.StartTraining):
        self.model, self.parameters, self.how = model, parameters, how
        options: dict[str, Any] = {"lr": how.lr, "weight_decay": how.weight_decay}
        if how.optimizer in _TAKES_MOMENTUM:
            options["momentum"] = how.momentum
        self.optimizer = _OPTIMIZERS[how.optimizer](parameters, **options)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._factor)

    def train(self, batches: Iterable[tuple[list[torch.Tensor], torch.Tensor]]) -> messages.Trained:
        """Take one optimizer step per batch of inputs and targets; return the loss and gradient norm of each step."""
        losses: list[float | None] = []
        norms: list[float | None] = []
        self.model.train()
        for inputs, targets in batches:
            self.optimizer.zero_grad()
            loss = measure_loss(self.how.loss, self.model(*inputs), targets)
            if loss.requires_grad:  # else the loss depends on no parameter; the trusted side sees that none changed
                loss.backward()
            norm = self._clip()
            self.optimizer.step()
            self.schedule.step()
            losses.append(_finite(loss))
            norms.append(_finite(norm))
        return messages.Trained(losses, norms)

    def _clip(self) -> torch.Tensor:
        """Clip the gradients to the recipe's norm, if it has one; return their norm before clipping."""
        if self.how.clip_norm is None:
            gradients = [p.grad for p in self.parameters if p.grad is not None]
            return torch.nn.utils.get_total_norm(gradients)
        return torch.nn.utils.clip_grad_norm_(self.parameters, self.how.clip_norm)

    def _factor(self, step: int) -> float:
        """The factor on the learning rate at a step."""
        part = min(step / self.how.steps, 1.0)
        if self.how.schedule == "cosine":
            return (1 + math.cos(math.pi * part)) / 2
        if self.how.schedule == "step":
            return 0.1 ** ((part >= 0.5) + (part >= 0.75))
        return 1.0


def measure_loss(name: str, predictions: Any, targets: torch.Tensor) -> torch.Tensor:
    """The named loss, with predictions and targets in the same shape. Raises ValueError."""
    if name == "cross_entropy":
        # logits (..., C), classes (...): a class per position
        if predictions.shape[:-1] != targets.shape:
            raise ValueError(f"logits of shape {tuple(predictions.shape)} for targets of shape {tuple(targets.shape)}")
        return F.cross_entropy(predictions.reshape(-1, predictions.shape[-1]), targets.reshape(-1))
    return F.mse_loss(one_shape(predictions, targets), targets)


def one_shape(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Predictions (B,) or (B, 1), reshaped like the targets: subtracting (B,) from (B, 1) would broadcast to (B, B)."""
    same_batch = predictions.shape[:1] == targets.shape[:1]
    if predictions.numel() != targets.numel() or not same_batch:
        raise ValueError(f"predictions of shape {tuple(predictions.shape)}, targets of shape {tuple(targets.shape)}")
    return predictions.reshape(targets.shape)


def _finite(value: torch.Tensor) -> float | None:
    number = float(value.detach())
    return number if math.isfinite(number) else None
