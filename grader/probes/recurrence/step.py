"""One step of a tanh recurrence, and solving for its weights from its answers. Works on tensors only.

The names and the layout of a student's weights do not matter: atanh(h') = W x + U h + b is solved for W, U and b. Only
for the tanh recurrence is the residual zero.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Elementwise = Callable[[Tensor], Tensor]


def far(value: Tensor, wanted: Tensor, tolerance: float) -> bool:
    """Whether any entry differs by more than the tolerance, or is NaN."""
    return not float((value.double() - wanted.double()).abs().max()) <= tolerance


@dataclass(frozen=True)
class Step:
    """h_t = tanh(W x_t + U h_(t-1) + b), in float64."""

    W: Tensor  # (H, I)
    U: Tensor  # (H, H)
    b: Tensor  # (H,)

    @classmethod
    def of(cls, solution: Tensor, input_size: int) -> "Step":
        """The step with the W, U and b of a solution (I + H + 1, H) of `fit`."""
        W, U, b = solution.split([input_size, solution.shape[1], 1])
        return cls(W.T, U.T, b[0])

    @property
    def flat(self) -> Tensor:
        """All entries in one row: (H*I + H*H + H,)."""
        return torch.cat([self.W.flatten(), self.U.flatten(), self.b])

    def run(self, x: Tensor, h_0: Tensor | None = None) -> Tensor:
        """The states (B, T, H) that PyTorch's `nn.RNN` computes with these weights."""
        hidden_size, input_size = self.W.shape
        rnn = nn.RNN(input_size, hidden_size, batch_first=True, dtype=torch.float64)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        rnn.load_state_dict(dict(zip(names, (self.W, self.U, self.b, 0 * self.b), strict=True)))
        with torch.no_grad():
            return rnn(x.double(), None if h_0 is None else h_0.double())[0]

    def run_with(self, activation: Elementwise, x: Tensor, h_0: Tensor) -> Tensor:
        """The states (B, T, H) of the recurrence with another activation, from h_0 (1, B, H)."""
        h, states = h_0[0].double(), []
        for x_t in x.double().unbind(1):
            h = activation(x_t @ self.W.T + h @ self.U.T + self.b)
            states.append(h)
        return torch.stack(states, dim=1)

    def backward(self, outputs: Tensor, cotangent: Tensor, detached_every: int | None = None) -> Tensor:
        """Backpropagate <outputs, cotangent> through time to the sums inside the tanh: (B, T, H).

        The states (B, T, H) are the student's, so that gradients are judged independently of values.
        `detached_every` cuts the gradient at each step whose number it divides.
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
    """The inverse of tanh; finite at -1 and 1, to which saturated units are rounded."""
    return torch.atanh(y.clamp(-1 + 1e-12, 1 - 1e-12))


ACTIVATIONS: dict[str, tuple[Elementwise, Elementwise]] = {
    "no nonlinearity": (lambda z: z, lambda y: y),
    "a ReLU": (torch.relu, lambda y: y),
    "a sigmoid": (torch.sigmoid, lambda y: torch.logit(y.clamp(1e-12, 1 - 1e-12))),
    "a hardtanh": (F.hardtanh, lambda y: y),
    "a softsign": (F.softsign, lambda y: y / (1 - y.abs()).clamp(min=1e-12)),
    "a leaky ReLU": (F.leaky_relu, lambda y: torch.where(y > 0, y, 100 * y)),
    "an ELU": (F.elu, lambda y: torch.where(y > 0, y, torch.log1p(y.clamp(min=-1 + 1e-12)))),
    "tanh twice": (lambda z: torch.tanh(torch.tanh(z)), lambda y: atanh(atanh(y))),
}
"""Activations that students use instead of tanh, by description, each with its inverse."""


def fit(
    inputs: Tensor, outputs: Tensor, activation: Elementwise = torch.tanh, inverse: Elementwise = atanh
) -> tuple[Tensor, float]:
    """Solve outputs (N, H) = activation(inputs (N, F) @ S) for S (F, H); return it and the largest error.

    Each equation is weighted by the slope of the activation: where that is flat, its inverse is meaningless.
    """
    outputs = outputs.double().clamp(-1e6, 1e6)  # avoids overflow; clamped values fit no activation
    with torch.enable_grad():
        z = inverse(outputs).clone().requires_grad_()
        slope = torch.autograd.grad(activation(z).sum(), z)[0].T.unsqueeze(2)  # (H, N, 1)
    target = z.detach().T.unsqueeze(2)  # (H, N, 1)
    solution = torch.linalg.lstsq(slope * inputs, slope * target).solution.squeeze(2).T  # (F, H)
    return solution, float((activation(inputs @ solution) - outputs).abs().max())


def solve(x: Tensor, h: Tensor, outputs: Tensor) -> tuple[Step, float]:
    """The step that best maps x (N, I) and h (N, H) to outputs (N, H), and its largest error."""
    solution, error = fit(features(x, h), outputs)
    return Step.of(solution, x.shape[1]), error


def other_activations(x: Tensor, h: Tensor, outputs: Tensor, tolerance: float) -> Iterator[tuple[str, Step]]:
    """The other activations that explain steps from x (N, I) and h (N, H) to outputs (N, H), with the weights."""
    for name, (activation, inverse) in ACTIVATIONS.items():
        solution, error = fit(features(x, h), outputs, activation, inverse)
        if error < tolerance:
            yield name, Step.of(solution, x.shape[1])
