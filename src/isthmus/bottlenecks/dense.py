"""The deterministic bottleneck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import torch
from torch import nn

from isthmus.parts import Bottleneck, BottleneckModule, Trait
from isthmus.trace import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": nn.Identity(),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": nn.functional.softplus,
    "elu": nn.functional.elu,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
}


class Dense(Bottleneck):
    """z = activation(h), free of charge.

    Undercomplete where ``size`` is below the width of an example, overcomplete above.
    """

    activation: Literal[
        "linear", "sigmoid", "tanh", "relu", "softplus", "elu", "silu", "gelu"
    ] = "linear"

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Unbounded, and between 0 and 1."""
        return cls(size=3), cls(size=3, activation="sigmoid")

    def traits(self) -> frozenset[Trait]:
        """Between 0 and 1 after a sigmoid."""
        if self.activation == "sigmoid":
            return frozenset({"differentiable", "between 0 and 1"})
        return frozenset({"differentiable"})

    def build(self) -> BottleneckModule:
        """A fresh module."""
        return _Dense(self.activation)


class _Dense(BottleneckModule):
    def __init__(self, activation: str) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, features: Tensor) -> Code:
        return Code(self.mode(features))

    def mode(self, features: Tensor) -> Tensor:
        if self.activation == "linear":
            return features
        return ACTIVATIONS[self.activation](features)
