"""How many rows lie below or above a number, from some of the numbers of a column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

BEYOND = torch.finfo(torch.float32).max
"""Larger than any number."""


class Ranks(NamedTuple):
    """Of E columns at most P numbers each, ever denser towards both ends."""

    values: Tensor
    """(E, P): in order; `BEYOND` where a column has fewer."""
    below: Tensor
    """(E, P + 1): how many rows lie below each, and in all."""
    upto: Tensor
    """(E, P + 1): none, and how many rows lie at or below each."""
    known: Tensor
    """(E,): rows in which there is a number."""

    @classmethod
    def of(cls, x: Tensor, visible: Tensor | None, points: Sequence[int]) -> Ranks:
        """Of each column of ``x``, (n, E), so many numbers at most, without gaps."""
        columns = [
            column if visible is None else column[visible[:, j] > 0]
            for j, column in enumerate(x.T)
        ]
        most = max(points)
        values = torch.full((len(columns), most), BEYOND)
        known = torch.tensor([float(len(x)) for x in columns])
        below = known.unsqueeze(1).repeat(1, most + 1)
        upto = below.clone()
        upto[:, 0] = 0
        for j, (column, some) in enumerate(zip(columns, points, strict=True)):
            found, counts = column.unique(return_counts=True)
            total = counts.cumsum(0)
            keep = _ends_first(total, some)
            size = len(keep)
            values[j, :size] = found[keep]
            below[j, :size] = (total - counts)[keep].float()
            upto[j, 1 : size + 1] = total[keep].float()
        return cls(values, below, upto, known)

    def counts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rows at or below, and at or above, each of ``x`` (B, E)."""
        asked = x.T.contiguous()
        first = torch.searchsorted(self.values, asked)
        at = self.values.gather(1, first.clamp(max=self.values.shape[1] - 1))
        last = first + (at == asked)  # no number is kept twice: half of the searches
        low, high = self.upto.gather(1, last).T, self.below.gather(1, first).T
        return low, self.known - high


def _ends_first(total: Tensor, points: int) -> Tensor:
    """Which numbers to keep, by how many rows lie at or below each, (V,)."""
    if len(total) <= points:
        return torch.arange(len(total))
    rows = int(total[-1])
    steps = torch.logspace(0, math.log10(rows / 2), points // 2)
    ranks = torch.cat([steps, rows + 1 - steps]).round().long()
    keep: Tensor = torch.searchsorted(total, ranks).clamp(max=len(total) - 1).unique()
    return keep
