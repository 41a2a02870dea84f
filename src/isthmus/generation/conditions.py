"""Cells that are given, and which codes agree with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from isthmus.data.frames import is_frame, open_frame
from isthmus.data.rows import Rows
from isthmus.errors import DataError, unknown, warn

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.data.table import Table
    from isthmus.generation.marginals import Marginal
    from isthmus.generation.residuals import Residuals
    from isthmus.parts import Likelihood

LEAST = 1e-30
"""Probability that anything has."""


class Conditions(NamedTuple):
    """Rows of which some cells are given, as entries (C, E)."""

    rows: Rows
    """Cells in their own units; missing where they are not given."""
    places: dict[str, slice]
    """Columns in which some cell is given, and their entries."""
    x: Tensor
    visible: Tensor
    """1 where an entry is given."""
    low: Tensor
    """Between which entries a number is shown as the one that is given."""
    high: Tensor
    between: frozenset[str]
    """Columns of which such entries are known."""

    def __len__(self) -> int:
        """How many rows there are."""
        return self.rows.height

    def log_prob(
        self, params: Tensor, likelihood: Likelihood, residuals: Residuals
    ) -> tuple[Tensor, Tensor]:
        """log p(given cells | z), (C, M), of decoder's answers (M, *params).

        And what log p(given cells) would be if cells had nothing to do with one
        another, (C,): the sum of the logarithms of their means over these codes.
        """
        mean = likelihood.mean(params)
        total = torch.zeros(len(self), len(params))
        apart = torch.zeros(len(self))
        for name, place in self.places.items():
            j = place.start  # of a time, the trend
            if name in self.between:
                log = _between(
                    residuals, j, mean[:, j], self.low[:, j], self.high[:, j]
                )
            else:
                log = _exactly(self.x, place, params, likelihood, residuals)
            log = torch.where(self.visible[:, [j]] > 0, log, 0.0)
            total += log
            apart += log.logsumexp(1) - math.log(len(params))
        return total, apart

    def put(self, cells: dict[str, Any], which: Tensor) -> None:
        """Replace cells by those that are given; row i has condition ``which[i]``."""
        rows = self.rows.take(which.numpy())
        for name in self.places:
            if name in rows.texts:
                words = rows.texts[name].combine_chunks().cast(pa.string())
                cells[name] = pc.if_else(words.is_valid(), words, cells[name])
            else:
                numbers = rows.numbers[:, rows.numeric.index(name)]
                cells[name] = np.where(np.isnan(numbers), cells[name], numbers)


def read(given: Any, table: Table, marginals: Mapping[str, Marginal]) -> Conditions:
    """Conditions from a dict of cells by column, or from a frame with some columns."""
    if isinstance(given, Mapping):
        given = pa.table({str(name): pa.array([cell]) for name, cell in given.items()})
    if not is_frame(given):
        raise DataError("given must be cells by column, as {'sex': 'F'}, or a frame.")
    some, _ = open_frame(given, table.types)
    for name in (column.name for column in some.columns):
        if name not in table.places:
            known = list(table.places)[:50]
            raise DataError(f"given: {unknown('column to give', name, known)}")
    rows = _whole(some, table)
    if not rows.height:
        raise DataError("given holds no row.")
    _refuse_strangers(rows, table)
    _refuse_halves(rows)
    _warn_of_the_unseen(rows, marginals)
    batch = table.encode(rows)
    visible = torch.ones_like(batch.x) if batch.visible is None else batch.visible
    ends = rows.numbers.copy(), rows.numbers.copy()
    for j, name in enumerate(rows.numeric):
        cells = rows.numbers[:, j]
        if name in marginals and not np.isnan(cells).all():
            ends[0][:, j], ends[1][:, j] = marginals[name].interval(cells)
    low, high = (_entries(table, rows, end) for end in ends)
    shown = {n: p for n, p in table.places.items() if (visible[:, p] > 0).any()}
    return Conditions(rows, shown, batch.x, visible, low, high, frozenset(marginals))


def _between(
    residuals: Residuals, entry: int, mean: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """log P(low < mean + residual < high), (C, M)."""
    ends = [residuals.share(entry, end[:, None] - mean) for end in (low, high)]
    return (ends[1] - ends[0]).clamp_min(LEAST).log().float()


def _exactly(
    x: Tensor,
    place: slice,
    params: Tensor,
    likelihood: Likelihood,
    residuals: Residuals,
) -> Tensor:
    """log p of the entries of a column, (C, M)."""
    found = torch.empty(len(x), len(params))
    entries = list(range(place.start, place.stop))
    measured = set(residuals.places.tolist()).issuperset(entries)
    # the log of a normal density, but for a constant, by the spread that was measured
    width = 2 * residuals.variance(entries) if measured else torch.ones(len(entries))
    for i, row in enumerate(x):
        log = likelihood.log_prob(params, row.expand(len(params), -1))
        found[i] = (log[:, entries] / width).sum(1)
    return found


def _whole(some: Rows, table: Table) -> Rows:
    """All columns of the table; cells that are not given are missing."""
    height = some.height
    numbers = np.full((height, len(table.columns) - len(table.texts)), np.nan)
    texts: dict[str, Any] = {
        n: pa.chunked_array([pa.nulls(height, pa.large_string())]) for n in table.texts
    }
    numeric = [c.name for c in table.columns if c.type != "text"]
    for name in (column.name for column in some.columns):
        if name in texts:
            texts[name] = some.texts[name]
        else:
            cells = some.numbers[:, some.numeric.index(name)]
            numbers[:, numeric.index(name)] = cells
    return Rows(table.columns, numbers, texts)


def _refuse_strangers(rows: Rows, table: Table) -> None:
    """Refuse categories that fitting has not seen: nothing is known of them."""
    for part in table.parts:
        name = part.names[0]
        levels = getattr(part, "levels", None)
        if levels is None or not (strange := part.unseen(rows.texts[name])):  # type: ignore[union-attr]
            continue
        raise DataError(
            f"given: {unknown(f'{name} called', min(strange), levels[:50])}"
        )


def _refuse_halves(rows: Rows) -> None:
    """Refuse numbers that are not whole for columns that hold whole ones."""
    whole = {c.name for c in rows.columns if c.arrow.startswith(("int", "uint"))}
    for j, name in enumerate(rows.numeric):
        cells = rows.numbers[:, j]
        cells = cells[~np.isnan(cells)]
        if name in whole and (strange := cells[cells % 1 != 0]).size:
            raise DataError(f"given: {name} holds whole numbers. Got {strange[0]:g}.")


def _warn_of_the_unseen(rows: Rows, marginals: Mapping[str, Marginal]) -> None:
    """Warn of numbers below or above all that fitting has seen."""
    for j, name in enumerate(rows.numeric):
        if name in marginals:
            low, high = marginals[name].values[[0, -1]]
            cells = rows.numbers[:, j]
            if (strange := cells[(cells < low) | (cells > high)]).size:
                warn(
                    f"given: {name} is {strange[0]:g}, and was between {low:g} and "
                    f"{high:g} in fitting. What is made for it is a guess."
                )


def _entries(table: Table, rows: Rows, numbers: Any) -> Tensor:
    """Entries (C, E) of numbers; infinite ones lie farther out than all others."""
    ends = np.clip(numbers, -1e140, 1e140)
    x = table.encode(rows._replace(numbers=ends)).x
    names = {name: j for j, name in enumerate(rows.numeric)}
    for name, place in table.places.items():
        if name in names:
            cells = torch.from_numpy(numbers[:, names[name]])
            x[:, place.start] = torch.where(
                cells.isinf(), cells.float(), x[:, place.start]
            )
    return x
