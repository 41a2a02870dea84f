"""How far out does a cell lie in its column?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import PositiveInt
from torch import Tensor

from isthmus.scores.role import Score, ScoreModule

if TYPE_CHECKING:
    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

BEYOND = torch.finfo(torch.float32).max
"""Larger than any entry."""


class _Tail(ScoreModule):
    values: Tensor
    """(E, P): some values of each entry in order; `BEYOND` where it has fewer."""
    below: Tensor
    """(E, P + 1): how many rows lie below each, and below infinity."""
    upto: Tensor
    """(E, P + 1): how many rows lie at or below nothing, and each of them."""
    known: Tensor
    """(E,): rows in which the entry is not missing."""
    ordered: Tensor
    """(E,): whether far is more than rare."""

    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        found = -((self._rows(batch.x) + 0.5) / (self.known + 1)).log()
        return found if batch.visible is None else found * batch.visible

    def _rows(self, x: Tensor) -> Tensor:
        """How many rows lie at least as far out; of what has no order, are equal."""
        asked = x.T.contiguous()
        first = torch.searchsorted(self.values, asked)
        last = torch.searchsorted(self.values, asked, right=True)
        low, high = self.upto.gather(1, last).T, self.below.gather(1, first).T
        far = torch.minimum(low, self.known - high)
        same = (low - high).clamp(min=0)
        return far.where(self.ordered, same)


class Tail(Score):
    """-log of the share of rows that lie at least as far out on the same side.

    Of numbers, the share below or above, whichever is smaller (compare Li et al.,
    2022); of categories, the share of the level. Shares are (count + 1/2) / (n + 1).
    At most ``points`` values of a column are kept, ever denser towards both ends.
    """

    module: ClassVar[type[Any]] = _Tail

    points: PositiveInt = 256

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Sort each column."""
        visible = batch.visible
        columns = [
            x if visible is None else x[visible[:, j] > 0]
            for j, x in enumerate(batch.x.T)
        ]
        kept = [_kept(x, self.points) for x in columns]
        values = torch.full((len(kept), self.points), BEYOND)
        known = torch.tensor([float(len(x)) for x in columns])
        below = known.unsqueeze(1).repeat(1, self.points + 1)
        upto = below.clone()
        upto[:, 0] = 0
        for j, (some, fewer, up) in enumerate(kept):
            values[j, : len(some)] = some
            below[j, : len(some)] = fewer
            upto[j, 1 : len(some) + 1] = up
        ordered = layout.holding("real", "unit", "count").flatten()
        return _Tail(
            values=values, below=below, upto=upto, known=known, ordered=ordered
        )


def _kept(x: Tensor, points: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values of a column in order, and how many rows lie below, or not above, each."""
    values, counts = x.unique(return_counts=True)
    upto = counts.cumsum(0)
    if len(values) > points:
        steps = torch.logspace(0, math.log10(len(x) / 2), points // 2)
        ranks = torch.cat([steps, len(x) + 1 - steps]).round().long()
        keep = torch.searchsorted(upto, ranks).clamp(max=len(values) - 1).unique()
        values, counts, upto = values[keep], counts[keep], upto[keep]
    return values, upto - counts, upto
