"""How rare is a cell, whatever the others are?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import PositiveInt

from isthmus.scores.role import Score, ScoreModule

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout
    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

NARROWEST = 0.05
"""Least width of a bin of entries, whose standard deviation is about 1."""

WIDER = 1 + 1e-6
"""By this factor, so that rounding puts no entry above the last bin."""


class _Marginal(ScoreModule):
    surprise: Tensor
    """(E, bins): -log of the share of each bin."""
    low: Tensor
    """(E,): where the first bin begins."""
    width: Tensor
    """(E,): of a bin."""
    bins: Tensor
    """(E,): how many of the bins an entry has."""
    beyond: Tensor
    """(E,): -log of the share of what no bin has seen."""

    def forward(self, module: AutoencoderModule, batch: Batch) -> Tensor:
        place, index = _bins(batch.x, self.low, self.width, self.bins)
        found = self.surprise.gather(1, index.T).T
        outside = torch.maximum(-place, place - self.bins).clamp(min=0)
        found = torch.where(outside > 0, self.beyond + outside.log1p(), found)
        return found if batch.visible is None else found * batch.visible


class Marginal(Score):
    """-log of the share of rows whose entry lies in the same of ``bins`` bins.

    Bins of equal width for numbers (histogram-based outlier score; Goldstein & Dengel,
    2012), fewer for few rows; one per level for categories. Shares are (count + 1/2) /
    (n + bins / 2). Beyond the bins, the log of the distance in bins is added.
    """

    module: ClassVar[type[Any]] = _Marginal

    bins: PositiveInt = 20

    def fit(self, layout: Layout, batch: Batch) -> ScoreModule:
        """Count."""
        x, flat = batch.x, layout.event.numel()
        visible = (
            torch.ones_like(x) if batch.visible is None else batch.visible
        ).double()
        known = visible.sum(0)
        numbers = layout.holding("real", "unit", "count")
        some = min(self.bins, max(5, round(len(x) ** (1 / 3))))
        empty = known == 0
        low = torch.where(visible > 0, x, math.inf).amin(0).masked_fill(empty, 0.0)
        high = torch.where(visible > 0, x, -math.inf).amax(0).masked_fill(empty, 0.0)
        width = ((high - low) / some * WIDER).clamp_min(NARROWEST)
        low, width = (
            torch.where(numbers, v, w) for v, w in ((low, -0.5), (width, 1.0))
        )
        levels = _levels(layout)
        bins = torch.where(numbers, some, levels)
        _, index = _bins(x, low, width, bins)  # rounded as it will be when asked
        most = max(self.bins, int(levels.max()))
        counts = torch.zeros(flat, most, dtype=torch.double)
        counts.scatter_add_(1, index.T, visible.T)
        total = (known + bins / 2).unsqueeze(1)
        beyond = -(0.5 / (known + 1)).log()
        found = {
            "surprise": -((counts + 0.5) / total).log(),
            "low": low,
            "width": width,
            "bins": bins,
            "beyond": beyond,
        }
        return _Marginal(**{name: value.float() for name, value in found.items()})


def _bins(x: Tensor, low: Tensor, width: Tensor, bins: Tensor) -> tuple[Tensor, Tensor]:
    """How many widths above the first edge entries lie, and the nearest bin."""
    place = (x - low) / width
    return place, place.floor().clamp(min=0).minimum(bins - 1).long()


def _levels(layout: Layout) -> Tensor:
    """How many indices an entry can have, (E,); two where it is 0 or 1."""
    runs = [
        torch.full((math.prod(field.shape),), float(field.levels or 2))
        for field in layout.fields
    ]
    return torch.cat(runs)
