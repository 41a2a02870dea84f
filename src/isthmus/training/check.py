"""What rows cost that are not trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch

from isthmus.ranks import ALONE, Ranks
from isthmus.trace import Batch, Progress
from isthmus.training.chance import seeded
from isthmus.training.examples import sizes_of
from isthmus.training.step import Costs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from isthmus.training.step import Trainable

Figures = dict[str, float]

ROWS, CELLS, FEWEST = 1024, 2**22, 128
"""Rows that are looked at at a time, and entries, unless rows are very wide."""


class Checked(Protocol):
    """Examples, in memory or looked up as they are asked for."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def event(self) -> Sequence[int]:
        """Shape of an example."""

    def split(self, sizes: list[int]) -> Iterable[Batch]:
        """Consecutive batches of these sizes."""


def check(model: Trainable, data: Checked, seed: int, ranks: Ranks = ALONE) -> Figures:
    """Figures of ``data`` with dropout off and the same draws at every call.

    Terms on a whole batch, such as a mean activation, are taken over `ROWS` rows, fewer
    if they are wide. Of several processes each has a part of the rows.
    """
    sums: Figures = {}
    counts: Figures = {}
    rows = min(ROWS, max(CELLS // math.prod(data.event), FEWEST))
    device = next(model.parameters()).device
    model.train(mode=False)
    with seeded(seed, device), torch.no_grad():
        for batch in data.split(sizes_of(len(data), rows)):
            trace = model(batch.to(device), Progress(), chance=True)
            costs = Costs(*model.loss(trace), model.metric(trace))
            figures, (metric, _, entries) = costs.figures(), costs.metric
            many = dict.fromkeys(figures, float(len(batch))) | {metric: float(entries)}
            add(sums, {name: value * many[name] for name, value in figures.items()})
            add(counts, many)
    parts = ranks.all_gather((sums, counts))
    sums, counts = {}, {}
    for some, many in parts:
        add(sums, some)
        add(counts, many)
    return {name: value / counts[name] for name, value in sums.items()}


def add(totals: Figures, figures: Figures, times: float = 1.0) -> None:
    """Add figures to totals, so many times."""
    for name, value in figures.items():
        totals[name] = totals.get(name, 0.0) + value * times
