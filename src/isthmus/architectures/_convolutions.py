"""What is said of convolutional networks, and their layers, over one axis or two."""

from __future__ import annotations

import math
from typing import Literal, Self

import torch
from pydantic import PositiveInt, field_validator, model_validator
from torch import Size, Tensor, nn

from isthmus.architectures._layers import ACTIVATIONS, Activation
from isthmus.parts import Share
from isthmus.spec import Spec

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}

Norm = Literal["none", "batch", "group"]

GROUPS = 8
"""Channels of a group that is normalised together."""


class Convolutional(Spec):
    """What is to be said of a convolutional pair, whatever its axes."""

    channels: tuple[PositiveInt, ...] | None = None
    blocks: PositiveInt = 1
    kernel: PositiveInt = 3
    activation: Activation = "silu"
    norm: Norm = "none"
    dropout: Share = 0.0
    places: bool = False
    skips: bool = False

    @field_validator("channels", mode="before")
    @classmethod
    def _one_level(cls, channels: object) -> object:
        return (channels,) if isinstance(channels, int) else channels

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.kernel % 2 == 0:
            message = f"kernel must be odd, so that it has a middle. Got {self.kernel}."
            raise ValueError(message)
        if self.channels == ():
            message = "channels must name at least one level, such as (32, 64)."
            raise ValueError(message)
        return self

    def widths(self, extent: Size) -> tuple[int, ...]:
        """``channels``, or as many levels as leave about six places on an axis."""
        if self.channels is not None:
            return self.channels
        levels = min(max(round(math.log2(max(min(extent) / 6, 1))), 1), 5)
        return tuple(min(16 * 2**i, 128) for i in range(levels))

    def grid_of(self, event: Size, axes: int) -> Size:
        """Places that are left when every level has halved the axes, rounded up."""
        extent = event[-axes:]
        return Size(-(-n // 2 ** len(self.widths(extent))) for n in extent)


class Layers:
    """Makes the layers of networks over ``axes`` axes."""

    def __init__(self, spec: Convolutional, axes: int) -> None:
        self.spec, self.axes = spec, axes

    def convolution(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1
    ) -> nn.Module:
        """A convolution that keeps the extent, or divides it by its stride."""
        padding = 0 if stride > 1 else kernel // 2
        made = CONVOLUTIONS[self.axes](inputs, outputs, kernel, stride, padding)
        return _drawn(made, 1 / (inputs * kernel**self.axes))

    def wider(self, inputs: int, outputs: int) -> nn.Module:
        """A transposed convolution that doubles the extent."""
        return _drawn(TRANSPOSED[self.axes](inputs, outputs, 2, 2), 1 / inputs)

    def around(self, inputs: int, outputs: int, last: nn.Module) -> nn.Module:
        """What leads the input to the answer: at first, the answer is the input.

        So the networks learn what is to be changed of it (Zhang et al., 2017).
        """
        made = self.convolution(inputs, outputs)
        weight = made.get_parameter("weight")
        nn.init.zeros_(weight)
        weight.data[range(min(weight.shape[:2])), range(min(weight.shape[:2]))] = 1.0
        nn.init.zeros_(last.get_parameter("weight"))
        return made

    def residual(self, channels: int) -> list[nn.Module]:
        """So many blocks that keep the shape."""
        return [
            Residual(
                *self.norm(channels),
                ACTIVATIONS[self.spec.activation](),
                self.convolution(channels, channels, self.spec.kernel),
                *self.norm(channels),
                ACTIVATIONS[self.spec.activation](),
                *([nn.Dropout(self.spec.dropout)] if self.spec.dropout else []),
                self.convolution(channels, channels, self.spec.kernel),
            )
            for _ in range(self.spec.blocks)
        ]

    def norm(self, channels: int) -> list[nn.Module]:
        """None, over the batch, or over groups of channels of an example."""
        if self.spec.norm == "none":
            return []
        if self.spec.norm == "batch":
            return [NORMS[self.axes](channels)]
        groups = channels // GROUPS if channels % GROUPS == 0 else 1
        return [nn.GroupNorm(groups, channels)]


class Residual(nn.Sequential):
    """h + a f(h), a learned from 0 (He et al., 2016; Bachlechner et al., 2021)."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, h: Tensor) -> Tensor:
        """Add the block's answer to its input."""
        out = h
        for layer in self:
            out = layer(out)
        return h + self.scale * out


def _drawn(layer: nn.Module, variance: float) -> nn.Module:
    """Weights of this variance, and biases of zero.

    One over the number of inputs keeps the variance of what passes; the rectifiers
    stand in residual branches, whose share is learned.
    """
    nn.init.normal_(layer.get_parameter("weight"), std=math.sqrt(variance))
    nn.init.zeros_(layer.get_parameter("bias"))
    return layer
