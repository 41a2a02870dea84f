"""Convolutional encoder and decoder of series."""

from __future__ import annotations

from typing import ClassVar, Self

from torch import Size, nn

from isthmus.architectures._convolutions import Convolutional
from isthmus.architectures._pyramids import entries_past, pair
from isthmus.parts import Architecture, Sizes


class Conv1d(Architecture, Convolutional):
    """Convolutions over series, ([channels,] steps), of any length.

    Each of the ``channels`` halves the steps, and is followed by ``blocks`` residual
    blocks: h + a C2 activation(C1 activation(h)), with a learned from 0 (LeCun et al.,
    1989; He et al., 2016; Bachlechner et al., 2021). The decoder mirrors it. ``norm``
    is "none", "batch" or, over eight channels of an example, "group". The code is one
    of the whole example, or with ``places`` one of each place of the grid that is left:
    (*grid, size). ``skips`` lead maps past the code, as in a U-Net (Ronneberger et al.,
    2015): then the code alone cannot be decoded. ``channels`` None takes as many levels
    as leave about six places on an axis, of 16 channels and more.
    """

    axes: ClassVar[int | None] = 1

    @classmethod
    def examples(cls) -> tuple[Self, ...]:
        """Small networks, one per option."""
        return (
            cls(channels=(4,)),
            cls(channels=(3, 4), norm="batch", activation="relu"),
            cls(channels=(8,), norm="group", dropout=0.1, kernel=1),
            cls(channels=(3, 4), places=True),
            cls(channels=(3, 4), places=True, skips=True),
        )

    def draws(self) -> bool:
        """Whether there is dropout."""
        return self.dropout > 0

    def mixes(self) -> bool:
        """Whether there is batch norm."""
        return self.norm == "batch"

    def grid(self, event: Size) -> Size:
        """Places of the code; none where it has but one."""
        return self.grid_of(event, 1) if self.places else Size()

    def past(self, sizes: Sizes) -> int:
        """Entries of the maps that go past the code."""
        return entries_past(self, sizes, 1)

    def build(self, sizes: Sizes) -> tuple[nn.Module, nn.Module]:
        """Encoder (x (B, *inputs), context) -> (B, H); decoder (N, D) -> (N, *params).

        With ``skips``, what goes past the code follows H, and D.
        """
        return pair(self, sizes, 1)
