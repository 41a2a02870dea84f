"""Fully connected encoder and decoder."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import PositiveInt, field_validator
from torch import nn

from isthmus.architectures._layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Linear,
    Reader,
    Residual,
    StackedLayerNorm,
    StackedLinear,
    Transposed,
    Writer,
)
from isthmus.errors import RecipeError
from isthmus.parts import Architecture, Share, Sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

Widths = tuple[PositiveInt, ...]


class Mlp(Architecture):
    """h <- dropout(activation(norm(W h + b))) through the widths ``hidden``.

    The decoder mirrors the encoder, or has widths of its own (``decoder``). ``tied``
    makes each decoder weight the transpose of its mirror in the encoder; ``residual``
    adds each layer's input to a learned share of its output (He et al., 2016;
    Bachlechner et al., 2021); ``output`` is the activation of the decoder's answer.
    ``hidden`` None means "as the estimator says".
    """

    stackable: ClassVar[bool] = True

    @field_validator("hidden", "decoder", mode="before")
    @classmethod
    def _one_layer(cls, widths: object) -> object:
        return (widths,) if isinstance(widths, int) else widths

    hidden: Widths | None = None
    decoder: Widths | None = None
    activation: Activation = "silu"
    output: Activation = "linear"
    norm: Literal["none", "batch", "layer"] = "none"
    residual: bool = False
    dropout: Share = 0.0
    tied: bool = False

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Small networks, one per option."""
        small = (7, 5)
        return (
            cls(hidden=small),
            cls(hidden=small, norm="batch", output="sigmoid"),
            cls(hidden=(7, 7, 5), residual=True, norm="layer"),
            cls(hidden=small, tied=True),
            cls(hidden=(6,), decoder=(5, 7), dropout=0.1, activation="tanh"),
            cls(hidden=()),
        )

    def squashed(self) -> bool:
        """Whether ``output`` is bounded."""
        return self.output in {"sigmoid", "tanh"}

    def draws(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def mixes(self) -> bool:
        """Whether there is batch norm."""
        return self.norm == "batch"

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder (x (B, *inputs), context) -> (B, H); decoder (N, D) -> (N, *params).

        A stacked pair has a leading axis of replicas throughout.
        """
        inputs = sizes.inputs.numel()
        hidden = self.hidden or ()
        told = "visible" in sizes.clues, "level" in sizes.clues
        extra = sizes.event.numel() * told[0] + told[1]
        down = [inputs + extra, *hidden, sizes.features]
        rise = hidden[::-1] if self.decoder is None else self.decoder
        up = [sizes.code, *rise, sizes.params.numel()]
        make = _Maker(self, sizes.stack)
        layers = make.layers(down)
        if self.tied:  # what the encoder is told has no mirror image
            mirror = self._mirrored(layers, up, [inputs, *down[1:]])
        else:
            mirror = make.layers(up)
        encoder, decoder = make.chain(layers, down), make.chain(mirror, up)
        if self.output != "linear":
            decoder.append(ACTIVATIONS[self.output]())
        return (
            Reader(encoder, len(sizes.inputs), len(sizes.event), sizes.clues),
            Writer(decoder, sizes.params),
        )

    def _mirrored(
        self, layers: Sequence[nn.Module], up: list[int], down: list[int]
    ) -> Sequence[nn.Module]:
        inner_match = up[1:-1] == down[-2:0:-1]
        if not inner_match or up[0] > down[-1] or up[-1] > down[0]:
            raise RecipeError(
                f"Mlp: tied=True needs a decoder that mirrors the encoder, but their "
                f"widths are {down} and {up}. Leave decoder=None, and use a likelihood "
                f"with one parameter per entry, such as SquaredError or Bernoulli."
            )
        return [
            Transposed(layer, a, b)
            for layer, (a, b) in zip(layers[::-1], pairwise(up), strict=True)
        ]


class _Maker:
    """Makes the layers of one network, stacked or not."""

    def __init__(self, spec: Mlp, stack: int) -> None:
        self.spec, self.stack = spec, stack

    def layers(self, widths: list[int]) -> Sequence[nn.Module]:
        """One layer per pair of widths; the last has no activation behind it."""
        *inner, last = pairwise(widths)
        activation = self.spec.activation
        return [
            *(self._linear(*pair, activation) for pair in inner),
            self._linear(*last),
        ]

    def chain(self, layers: Sequence[nn.Module], widths: list[int]) -> nn.Sequential:
        """Norm, activation and dropout after every layer but the last."""
        *inner, last = layers
        blocks = [
            self._block(layer, *pair)
            for layer, pair in zip(inner, pairwise(widths[:-1]), strict=True)
        ]
        flat = [m for b in blocks for m in (b if type(b) is nn.Sequential else [b])]
        return nn.Sequential(*flat, last)

    def _block(self, layer: nn.Module, width_in: int, width_out: int) -> nn.Module:
        spec = self.spec
        block = nn.Sequential(layer, *self._norm(width_out))
        block.append(ACTIVATIONS[spec.activation]())
        if spec.dropout:
            block.append(nn.Dropout(spec.dropout))
        if not spec.residual:
            return block
        same = width_in == width_out
        shortcut = None if same else self._linear(width_in, width_out)
        return Residual(block, shortcut, self.stack)

    def _linear(
        self, inputs: int, outputs: int, activation: str = "linear"
    ) -> Linear | StackedLinear:
        if self.stack:
            return StackedLinear(self.stack, inputs, outputs, activation)
        return Linear(inputs, outputs, activation)

    def _norm(self, width: int) -> list[nn.Module]:
        if self.spec.norm == "batch":
            return [BatchNorm(width, self.stack)]
        if self.spec.norm == "none":
            return []
        if self.stack:
            return [StackedLayerNorm(self.stack, width)]
        return [nn.LayerNorm(width)]
