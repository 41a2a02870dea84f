"""An encoder of shares, and a decoder that mixes fixed groups by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import torch
from pydantic import PositiveInt
from torch import nn

from isthmus.architectures._layers import ACTIVATIONS, Linear, Reader
from isthmus.parts import Architecture, Share, Sizes

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 1e-30
"""A share below this is as good as none, and has a logarithm still."""


class Topics(Architecture):
    """y = log((1 - b) sum_k z_k p(x|k) + b f(x)), topics mixed by shares z.

    A topic is a distribution over the entries of an example, such as the words of a
    vocabulary (Blei et al., 2003). Topics are groups of entries that occur together,
    found before training and then fixed; the encoder, an mlp through the widths
    ``hidden``, learns the shares (amortised inference; Srivastava & Sutton, 2017).
    ``background`` is b, and f how often an entry occurs in all: it explains what
    belongs to no topic, which would draw rows to the widest one.
    """

    grouped: ClassVar[bool] = True

    hidden: tuple[PositiveInt, ...] = (256,)
    dropout: Share = 0.2
    background: Share = 0.1

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """A hidden layer, and none."""
        return cls(hidden=(7,)), cls(hidden=(), background=0)

    def draws(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder and decoder; D entries of a code are shares of D topics."""
        told = "visible" in sizes.clues, "level" in sizes.clues
        width = sizes.inputs.numel() + sizes.event.numel() * told[0] + told[1]
        layers = nn.Sequential()
        for wider in self.hidden:
            layers.append(Linear(width, wider, "silu"))
            layers.append(ACTIVATIONS["silu"]())
            width = wider
        if self.dropout:
            layers.append(nn.Dropout(self.dropout))
        layers.append(Linear(width, sizes.features))
        reader = Reader(layers, len(sizes.inputs), len(sizes.event), sizes.clues)
        return reader, Mixture(sizes.code, sizes.params, self.background)


class Mixture(nn.Module):
    """log((1 - b) sum_k z_k p_k + b f) of shares z (N, K); p_k and f are fixed."""

    topics: Tensor
    """(K, entries): each row sums to 1."""
    background: Tensor
    """(entries,): f, which sums to 1."""

    def __init__(self, topics: int, params: torch.Size, weight: float) -> None:
        super().__init__()
        self.params, self.weight = tuple(params), weight
        start = torch.randn(topics, params.numel()).softmax(-1)
        self.register_buffer("topics", start)
        self.register_buffer("background", start.mean(0))

    def forward(self, z: Tensor) -> Tensor:
        """Logarithms of the shares of entries, (N, *params)."""
        mixed = (1 - self.weight) * (z @ self.topics) + self.weight * self.background
        found = mixed.clamp_min(LEAST).log()
        return found if len(self.params) == 1 else found.unflatten(-1, self.params)
