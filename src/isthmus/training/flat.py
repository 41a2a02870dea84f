"""All parameters of a model in one row of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


LINE = 16
"""Entries at whose multiples a parameter begins, as in memory of its own: a product may
round its answer by where that lies."""


class Learned(Protocol):
    """Whatever has parameters and buffers."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is learned."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """What is learned, by name."""

    def buffers(self) -> Iterator[Tensor]:
        """What is kept beside it."""


class FlatParameters:
    """Lays the parameters of a model, and their gradients, side by side.

    The norm of a gradient, clipping, an update, a copy of the best weights: each is
    one operation on one vector instead of one per parameter. `release` gives every
    parameter memory of its own again. Weight matrices come first, so that they can
    decay while biases and norms do not. With ``stack`` replicas, every parameter has
    a leading axis of them.
    """

    def __init__(self, model: Learned, stack: int = 0) -> None:
        learned = [p for p in model.parameters() if p.requires_grad]
        matrix = 2 + (stack > 0)
        learned.sort(key=lambda p: p.dim() < matrix)
        self.stack = stack
        self.parameters = learned
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.buffers = list(model.buffers())
        self.values = torch.cat([_spaced(p.detach()) for p in learned])
        self.gradient = torch.zeros_like(self.values)
        for parameter, value, gradient in zip(
            learned, self._cut(self.values), self._cut(self.gradient), strict=True
        ):
            parameter.data, parameter.grad = value, gradient
        size = sum(_length(p) for p in learned if p.dim() >= matrix)
        self.weights = self._leaf(slice(0, size))
        self.others = self._leaf(slice(size, None))
        self.everything = self._leaf(slice(None))

    def learn(self, total: Tensor) -> None:
        """Put the gradient of ``total`` in the place of the one before."""
        found = torch.autograd.grad(total, self.parameters, allow_unused=True)
        for parameter, gradient in zip(self.parameters, found, strict=True):
            if gradient is not None:
                assert parameter.grad is not None
                parameter.grad.copy_(gradient)

    def norm(self) -> Tensor:
        """Length of the gradient, or, (R,), of that of each replica.

        Not finite where any of its entries is not.
        """
        if not self.stack:
            length: Tensor = torch.linalg.vector_norm(self.gradient)
            return length
        grads = [p.grad for p in self.parameters if p.grad is not None]
        rows = [torch.linalg.vector_norm(g.view(self.stack, -1), dim=1) for g in grads]
        lengths: Tensor = torch.linalg.vector_norm(torch.stack(rows), dim=0)
        return lengths

    def spread(self, figures: list[float]) -> Tensor:
        """One figure per replica, for each entry of the vector of all parameters."""
        row = self.values.new_tensor(figures)
        lengths = [p.numel() // len(figures) for p in self.parameters]
        return torch.cat([_spaced(row.repeat_interleave(n)) for n in lengths])

    def snapshot(self) -> list[Tensor]:
        """Copies of the parameters and buffers."""
        return [self.values.clone(), *(b.clone() for b in self.buffers)]

    def restore(self, snapshot: list[Tensor]) -> None:
        """Put a snapshot back."""
        for now, then in zip([self.values, *self.buffers], snapshot, strict=True):
            now.copy_(then)

    def finite(self) -> bool:
        """Whether every parameter and buffer is finite."""
        return all(bool(t.isfinite().all()) for t in (self.values, *self.buffers))

    def first_bad_gradient(self) -> str | None:
        """Name of the first parameter whose gradient is not finite."""
        for parameter in self.parameters:
            if parameter.grad is not None and not parameter.grad.isfinite().all():
                return self.names[id(parameter)]
        return None

    def release(self) -> None:
        """Give every parameter memory of its own, and drop the gradients."""
        for parameter in self.parameters:
            parameter.data = parameter.data.clone()
            parameter.grad = None

    def _cut(self, row: Tensor) -> Iterable[Tensor]:
        pieces = row.split(list(map(_length, self.parameters)))
        return [
            piece[: p.numel()].view(p.shape)
            for piece, p in zip(pieces, self.parameters, strict=True)
        ]

    def _leaf(self, part: slice) -> nn.Parameter:
        leaf = nn.Parameter(self.values[part])
        leaf.grad = self.gradient[part]
        return leaf


def _length(parameter: Tensor) -> int:
    """Entries of a parameter, and of the gap behind it."""
    return -(-parameter.numel() // LINE) * LINE


def _spaced(parameter: Tensor) -> Tensor:
    row = parameter.new_zeros(_length(parameter))
    row[: parameter.numel()] = parameter.flatten()
    return row
