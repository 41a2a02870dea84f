"""Which numbers a column holds, so that those that are filled in are such, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from isthmus.data.categories import Categories
from isthmus.data.numbers import Numbers
from isthmus.data.times import Times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.rows import Rows
    from isthmus.data.table import Table

OFTEN = 0.5
"""Distinct values, as a share of the cells, up to which values are said to repeat."""

MOST = 10_000
"""Values that are kept of a column, at most."""


class Domain(NamedTuple):
    """The numbers of one column: from the smallest to the largest, or these alone."""

    name: str
    part: Numbers | Times
    column: int
    """Which one of its part."""
    values: NDArray[np.float64]
    """In order: all, if they repeat, else the ends; none, if no cell is known."""
    repeats: bool

    @classmethod
    def learned(cls, part: Numbers | Times, column: int, rows: Rows) -> Self:
        """From the known cells."""
        name = part.names[column]
        cells = rows.numbers[:, rows.numeric.index(name)]
        cells = cells[~np.isnan(cells)]
        values = np.unique(cells)
        repeats = len(values) <= min(OFTEN * len(cells), MOST)
        ends = values if repeats else values[[0, -1]]
        return cls(name, part, column, ends, repeats)

    def nearest(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """The numbers of the column that first inputs (n,) come nearest to."""
        numbers = self._decoded(inputs)
        values = self.values
        if not len(values):
            return np.full(len(inputs), np.nan)
        if not self.repeats:
            return np.clip(numbers, values[0], values[-1])
        middles = (values[1:] + values[:-1]) / 2
        return values[np.searchsorted(middles, numbers)]

    def encoded(self, numbers: NDArray[np.float64]) -> NDArray[np.float32]:
        """Entries (n, width) of numbers (n,)."""
        if isinstance(self.part, Times):
            return self.part.encode(numbers)
        whole = np.full((len(numbers), len(self.part.names)), np.nan)
        whole[:, self.column] = numbers
        return self.part.encode(whole)[:, [self.column]]

    def clipped(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """First inputs (n,), none of them beyond the ends."""
        if not len(self.values):
            return inputs
        low, high = self.seen(self.encoded(self.values[[0, -1]])[:, 0])
        return np.clip(inputs, low, high)

    def seen(self, entries: NDArray[np.float32]) -> NDArray[np.float32]:
        """First inputs of first entries (n,): an encoder sees counts as log(1 + x)."""
        return np.log1p(entries) if self.part.field.content == "count" else entries

    def _decoded(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        entries = inputs
        if self.part.field.content == "count":
            entries = np.expm1(inputs)
        if isinstance(self.part, Times):
            return self.part.trend.decode(entries[:, None])[:, 0]
        whole = np.zeros((len(entries), len(self.part.names)), dtype=np.float32)
        whole[:, self.column] = entries
        return self.part.decode(whole)[:, self.column]


def domains(table: Table, rows: Rows) -> dict[int, Domain]:
    """The domain of every cell of a row that holds a number, but for 0 or 1."""
    return {
        cell: Domain.learned(part, column, rows)
        for cell, (part, column) in _numbers(table).items()
    }


def to_plain(known: dict[int, Domain]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plain data, and arrays by name."""
    plain = {str(cell): domain.repeats for cell, domain in known.items()}
    return plain, {str(cell): domain.values for cell, domain in known.items()}


def from_plain(
    table: Table, plain: dict[str, Any], arrays: dict[str, Any]
) -> dict[int, Domain]:
    """The inverse of `to_plain`."""
    return {
        cell: Domain(
            part.names[column], part, column, arrays[str(cell)], bool(plain[str(cell)])
        )
        for cell, (part, column) in _numbers(table).items()
    }


def _numbers(table: Table) -> dict[int, tuple[Numbers | Times, int]]:
    cells = [(part, j) for part in table.parts for j in range(len(part.names))]
    return {
        cell: (part, j)
        for cell, (part, j) in enumerate(cells)
        if not isinstance(part, Categories) and part.field.content != "binary"
    }
