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
    """y = log sum_k z_k p(x|k), a mixture of topics by shares z (Blei et al., 2003).

    A topic is a distribution over the entries of an example, such as the words of a
    vocabulary. Topics are groups of entries that occur together, found before training
    and then fixed; the encoder, an mlp through the widths ``hidden``, learns the shares
    (amortised inference; Srivastava & Sutton, 2017).
    """

    grouped: ClassVar[bool] = True

    hidden: tuple[PositiveInt, ...] = (256,)
    dropout: Share = 0.2

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """A hidden layer, and none."""
        return cls(hidden=(7,)), cls(hidden=())

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
        return reader, Mixture(sizes.code, sizes.params)


class Mixture(nn.Module):
    """log sum_k z_k p_k of shares z (N, K); p_k are fixed."""

    topics: Tensor
    """(K, entries): each row sums to 1."""

    def __init__(self, topics: int, params: torch.Size) -> None:
        super().__init__()
        self.params = tuple(params)
        start = torch.randn(topics, params.numel()).softmax(-1)
        self.register_buffer("topics", start)

    def forward(self, z: Tensor) -> Tensor:
        """Logarithms of the shares of entries, (N, *params)."""
        found = (z @ self.topics).clamp_min(LEAST).log()
        return found if len(self.params) == 1 else found.unflatten(-1, self.params)
