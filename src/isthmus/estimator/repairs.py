"""What it would mend to set one cell right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from isthmus.estimator.reading import read_rows
from isthmus.trace import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.table import Table
    from isthmus.estimator.judge import AnyJudge

TRIED = 3
"""Cells of a row that are tried, those that take most from its score."""


def repairs(
    estimator: Any,
    judge: AnyJudge,
    batch: Batch,
    expected: NDArray[np.float32],
    contributions: NDArray[np.float64],
) -> NDArray[np.float64]:
    """By how much the score rises if one cell is what was expected, (n, columns).

    NaN for cells that take nothing, or are not among the `TRIED` that take most. Two
    cells that contradict each other are both odd; the one that other cells contradict,
    too, mends more.
    """
    table: Table = estimator._converter  # noqa: SLF001
    folds, seen = judge.folds(batch), visible(batch)
    before, right = judge.rows(batch, folds), as_cells(estimator, expected)
    order = contributions.argsort(axis=1, kind="stable")[:, :TRIED]
    found = np.full(contributions.shape, np.nan)
    for tried in order.T:
        x, mask = batch.x.clone(), seen.clone()
        for j in np.unique(tried):
            place, rows = table.places.get(table.names[j]), np.flatnonzero(tried == j)
            if place is not None:
                x[rows, place], mask[rows, place] = right.x[rows, place], 1.0
        after = judge.rows(Batch(x, mask), folds)
        found[np.arange(len(found)), tried] = (before - after).numpy()
    found[contributions >= 0] = np.nan
    return found


def as_cells(estimator: Any, entries: NDArray[np.float32]) -> Batch:
    """Entries of the cells that entries stand for: a chance of 0.7 becomes a yes."""
    table: Table = estimator._converter  # noqa: SLF001
    read, _ = read_rows(estimator, pa.table(table.decode(entries)), reset=False)
    return table.encode(read)


def visible(batch: Batch) -> torch.Tensor:
    """1 where an entry is known, (n, E)."""
    return torch.ones_like(batch.x) if batch.visible is None else batch.visible
