"""Fully connected residual networks."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import PositiveInt
from torch import Tensor, nn

from isthmus.architectures._layers import (
    ACTIVATIONS,
    Activation,
    Linear,
    Reader,
    StackedLayerNorm,
    StackedLinear,
    Writer,
)
from isthmus.parts import Architecture, Share, Sizes


class Resnet(Architecture):
    """h <- h + dropout(W2 activation(W1 norm(h))), ``blocks`` times on each side.

    (Gorishniy et al., 2021: a residual network for tables; layer normalisation.) The
    encoder first brings x to ``width`` features; the decoder last normalises and
    activates them. A code of ``width`` entries is the stream of features itself.
    """

    stackable: ClassVar[bool] = True

    width: PositiveInt = 128
    blocks: PositiveInt = 1
    activation: Activation = "silu"
    dropout: Share = 0.0

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Small networks."""
        return cls(width=5), cls(width=6, blocks=2, activation="relu", dropout=0.1)

    def draws(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder (x (B, *inputs), context) -> (B, H); decoder (N, D) -> (N, *params).

        A stacked pair has a leading axis of replicas throughout.
        """
        told = "visible" in sizes.clues, "level" in sizes.clues
        extra = sizes.event.numel() * told[0] + told[1]
        make = _Maker(self, sizes.stack)
        down = nn.Sequential(
            make.first(sizes.inputs.numel() + extra),
            *make.blocks(),
            *make.bridge(self.width, sizes.features),
        )
        up = nn.Sequential(
            *make.bridge(sizes.code, self.width),
            *make.blocks(),
            make.norm(),
            ACTIVATIONS[self.activation](),
            make.linear(self.width, sizes.params.numel()),
        )
        return (
            Reader(down, len(sizes.inputs), len(sizes.event), sizes.clues),
            Writer(up, sizes.params),
        )


class _Maker:
    """Makes the layers of one network, stacked or not."""

    def __init__(self, spec: Resnet, stack: int) -> None:
        self.spec, self.stack = spec, stack

    def linear(
        self, inputs: int, outputs: int, activation: str = "linear"
    ) -> nn.Module:
        if self.stack:
            return StackedLinear(self.stack, inputs, outputs, activation)
        return Linear(inputs, outputs, activation)

    def first(self, inputs: int) -> nn.Module:
        """A layer with biases drawn at random.

        Of a row of zeros, as one of which all is hidden, a norm would blow up nothing.
        """
        made = self.linear(inputs, self.spec.width)
        nn.init.normal_(made.get_parameter("bias"), std=0.5)
        return made

    def norm(self) -> nn.Module:
        width = self.spec.width
        return (
            StackedLayerNorm(self.stack, width) if self.stack else nn.LayerNorm(width)
        )

    def bridge(self, inputs: int, outputs: int) -> list[nn.Module]:
        """Nothing, where the code is as wide as the features."""
        return [] if inputs == outputs else [self.linear(inputs, outputs)]

    def blocks(self) -> list[nn.Module]:
        spec = self.spec
        return [
            _Block(
                self.norm(),
                self.linear(spec.width, spec.width, spec.activation),
                ACTIVATIONS[spec.activation](),
                self.linear(spec.width, spec.width),
                *([nn.Dropout(spec.dropout)] if spec.dropout else []),
            )
            for _ in range(spec.blocks)
        ]


class _Block(nn.Sequential):
    """h + f(h)."""

    def forward(self, h: Tensor) -> Tensor:
        out = h
        for layer in self:
            out = layer(out)
        return h + out
