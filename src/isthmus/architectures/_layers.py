"""Layers of a fully connected network, each with or without an axis of replicas."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Size

    from isthmus.trace import Context

Activation = Literal[
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "tanh",
    "sigmoid",
    "linear",
]
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),  # its gradient needs its answer alone
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}
GAINS = {"tanh": 1.0, "sigmoid": 1.0, "linear": 1.0, "selu": 1.0}
"""Variance of a weight times its fan-in; 2 for the rectifiers (He et al., 2015)."""


class Linear(nn.Linear):
    """y = W x + b, with weights that keep the variance of ``activation``'s input."""

    def __init__(self, inputs: int, outputs: int, activation: str = "linear") -> None:
        self.gain = GAINS.get(activation, 2.0)
        super().__init__(inputs, outputs)

    def reset_parameters(self) -> None:
        """Draw W from N(0, gain / fan-in), and set b to zero."""
        nn.init.normal_(self.weight, std=math.sqrt(self.gain / self.in_features))
        nn.init.zeros_(self.bias)


class StackedLinear(nn.Module):
    """K linear layers side by side: x (K, B, inputs) -> (K, B, outputs)."""

    def __init__(
        self, stack: int, inputs: int, outputs: int, activation: str = "linear"
    ) -> None:
        super().__init__()
        scale = math.sqrt(GAINS.get(activation, 2.0) / inputs)
        self.weight = nn.Parameter(torch.randn(stack, outputs, inputs) * scale)
        self.bias = nn.Parameter(torch.zeros(stack, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """W_k x_k + b_k for every replica k."""
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.mT)


class Transposed(nn.Module):
    """The transpose of (the first rows and columns of) another layer's weight.

    It has a bias of its own. Columns that the mirrored layer reads a context from,
    and rows for what is no entry of the code, have no mirror image.
    """

    def __init__(self, mirror: nn.Module, inputs: int, out: int) -> None:
        super().__init__()
        assert isinstance(mirror, (nn.Linear, StackedLinear))
        self._mirror = (mirror,)  # a tuple, so that the weight has one owner
        self.inputs, self.out = inputs, out
        self.bias = nn.Parameter(torch.zeros(*mirror.weight.shape[:-2], out))

    def forward(self, x: Tensor) -> Tensor:
        """W^T x + b."""
        weight = self._mirror[0].weight[..., : self.inputs, : self.out]
        if weight.dim() == 2:
            return functional.linear(x, weight.mT, self.bias)
        return torch.baddbmm(self.bias.unsqueeze(1), x, weight)


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe & Szegedy, 2015); a batch of one uses the averages.

    A stacked one takes (K, B, width) and keeps K sets of averages.
    """

    def __init__(self, width: int, stack: int = 0) -> None:
        super().__init__(width * max(stack, 1))
        self.stack = stack

    def forward(self, x: Tensor) -> Tensor:
        """Bring every feature to mean 0 and variance 1, then scale and shift it."""
        flat = x.transpose(0, 1).flatten(1) if self.stack else x
        if len(flat) == 1:
            out = functional.batch_norm(
                flat, self.running_mean, self.running_var, self.weight, self.bias
            )
        else:
            out = super().forward(flat)
        if not self.stack:
            return out
        replicas: Tensor = out.unflatten(1, (self.stack, -1))
        return replicas.transpose(0, 1)


class StackedLayerNorm(nn.Module):
    """K layer normalisations side by side (Ba et al., 2016): (K, B, width)."""

    def __init__(self, stack: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(stack, width))
        self.bias = nn.Parameter(torch.zeros(stack, width))

    def forward(self, x: Tensor) -> Tensor:
        """Bring every example to mean 0 and variance 1, then scale and shift it."""
        unit = functional.layer_norm(x, x.shape[-1:])
        return unit * self.weight.unsqueeze(1) + self.bias.unsqueeze(1)


class Residual(nn.Module):
    """x + a f(x), with x brought to f's width by a matrix where the two differ.

    (He et al., 2016.) a is learned and starts at 0, so that a network of any depth
    starts out as a shallow one (Bachlechner et al., 2021).
    """

    def __init__(
        self, block: nn.Module, shortcut: nn.Module | None, stack: int = 0
    ) -> None:
        super().__init__()
        self.block = block
        self.shortcut = shortcut
        self.scale = nn.Parameter(torch.zeros(stack) if stack else torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Add the block's answer to its input."""
        past = x if self.shortcut is None else self.shortcut(x)
        scale = self.scale.view(-1, 1, 1) if self.scale.dim() else self.scale
        out: Tensor = past + scale * self.block(x)
        return out


class Reader(nn.Module):
    """x, flattened and with its context appended, through the layers."""

    def __init__(
        self, layers: nn.Sequential, inputs: int, event: int, clues: frozenset[str]
    ) -> None:
        super().__init__()
        self.layers = layers
        self.inputs, self.event, self.clues = inputs, event, clues

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Features (B, H) of examples (B, *inputs)."""
        if self.inputs > 1:
            x = x.flatten(-self.inputs)
        if self.clues:
            x = torch.cat([x, *self._told(x, context)], -1)
        for layer in self.layers:
            x = layer(x)
        return x

    def _told(self, x: Tensor, context: Context) -> list[Tensor]:
        told = []
        if "visible" in self.clues:
            assert context.visible is not None  # the model fills it in
            told.append(context.visible.flatten(-self.event).to(x))
        if "level" in self.clues:
            assert context.level is not None  # the model fills it in
            told.append(context.level.unsqueeze(-1).to(x))
        return told


class Writer(nn.Module):
    """z through the layers, brought into the shape of the likelihood's parameters."""

    def __init__(self, layers: nn.Sequential, params: Size) -> None:
        super().__init__()
        self.layers = layers
        self.params = tuple(params)

    def forward(self, z: Tensor) -> Tensor:
        """Parameters (N, *params) of codes (N, D)."""
        for layer in self.layers:
            z = layer(z)
        return z if len(self.params) == 1 else z.unflatten(-1, self.params)
