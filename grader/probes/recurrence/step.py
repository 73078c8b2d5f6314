"""One step of the recurrence, and how to recognise it from outside.

The weights' names and layout are the student's affair, so W, U and b are found from what a layer answers:
atanh(outputs) = W x + U h + b is solved for them. Only the tanh recurrence leaves no residual.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Elementwise = Callable[[Tensor], Tensor]


def far(value: Tensor, wanted: Tensor, tolerance: float) -> bool:
    """Whether any entry differs by more than the tolerance, or is not a number."""
    return not float((value.double() - wanted.double()).abs().max()) <= tolerance


@dataclass(frozen=True)
class Step:
    """h_t = tanh(W x_t + U h_(t-1) + b), in float64."""

    W: Tensor  # (H, I)
    U: Tensor  # (H, H)
    b: Tensor  # (H,)

    @property
    def flat(self) -> Tensor:
        """All numbers in one row: (H*I + H*H + H,)."""
        return torch.cat([self.W.flatten(), self.U.flatten(), self.b])

    def run(self, x: Tensor, h_0: Tensor | None = None) -> Tensor:
        """The states (B, T, H) that PyTorch's own layer computes with these weights."""
        hidden_size, input_size = self.W.shape
        rnn = nn.RNN(input_size, hidden_size, batch_first=True, dtype=torch.float64)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        rnn.load_state_dict(dict(zip(names, (self.W, self.U, self.b, 0 * self.b), strict=True)))
        with torch.no_grad():
            return rnn(x.double(), None if h_0 is None else h_0.double())[0]

    def backward(self, outputs: Tensor, cotangent: Tensor, detached_every: int | None = None) -> Tensor:
        """Backpropagate <outputs, cotangent> through time to the sums inside the tanh: (B, T, H).

        The states are those the student computed, so that gradients are judged apart from values.
        `detached_every` cuts the way back into each step whose number it divides.
        """
        outputs, cotangent = outputs.double(), cotangent.double()
        deltas = []
        arriving = torch.zeros_like(outputs[:, 0])  # (B, H), from the step after
        for t in reversed(range(outputs.shape[1])):
            delta = (cotangent[:, t] + arriving) * (1 - outputs[:, t] ** 2)
            is_cut = detached_every is not None and t % detached_every == 0
            arriving = torch.zeros_like(delta) if is_cut else delta @ self.U
            deltas.append(delta)
        return torch.stack(deltas[::-1], dim=1)

    def parameter_gradients(self, x: Tensor, h_0: Tensor, outputs: Tensor, cotangent: Tensor) -> Tensor:
        """The gradients of <outputs, cotangent> with respect to W, U and b, in one row as `flat`."""
        deltas = self.backward(outputs, cotangent)
        before = torch.cat([h_0.transpose(0, 1), outputs[:, :-1]], dim=1).double()  # each step's h_(t-1)
        W = torch.einsum("bth,bti->hi", deltas, x.double())
        U = torch.einsum("bth,btk->hk", deltas, before)
        return Step(W, U, deltas.sum((0, 1))).flat


def features(x: Tensor, h: Tensor) -> Tensor:
    """[x, h, 1], which [W, U, b] maps to the sum inside the tanh: (N, I + H + 1)."""
    return torch.cat([x, h, torch.ones_like(x[:, :1])], dim=1).double()


def atanh(y: Tensor) -> Tensor:
    """The inverse of tanh; finite at the ends, where rounding puts saturated units."""
    return torch.atanh(y.clamp(-1 + 1e-12, 1 - 1e-12))


def fit(
    inputs: Tensor, outputs: Tensor, activation: Elementwise = torch.tanh, inverse: Elementwise = atanh
) -> tuple[Tensor, float]:
    """Solve outputs (N, H) = activation(inputs (N, F) @ S) for S (F, H); return it and the largest error.

    Each equation is weighted by the slope of the activation: where it is flat, its inverse says nothing.
    """
    outputs = outputs.double().clamp(-1e6, 1e6)  # nothing overflows, and what is clamped fits nothing
    z = inverse(outputs).clone().requires_grad_()
    slope = torch.autograd.grad(activation(z).sum(), z)[0].T.unsqueeze(2)  # (H, N, 1)
    target = z.detach().T.unsqueeze(2)  # (H, N, 1)
    solution = torch.linalg.lstsq(slope * inputs, slope * target).solution.squeeze(2).T  # (F, H)
    return solution, float((activation(inputs @ solution) - outputs).abs().max())


def solve(x: Tensor, h: Tensor, outputs: Tensor) -> tuple[Step, float]:
    """The step nearest to one from x (N, I) and h (N, H) to outputs (N, H), and its largest error."""
    solution, error = fit(features(x, h), outputs)
    W, U, b = solution.split([x.shape[1], h.shape[1], 1])
    return Step(W.T, U.T, b[0]), error
