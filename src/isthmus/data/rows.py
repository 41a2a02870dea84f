"""Rows of a table, taken out of their container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Type = Literal["float", "integer", "boolean", "datetime", "duration", "text"]
"""What the cells of a column are; all but ``text`` are kept as float64."""


class Column(NamedTuple):
    """A column as it stood in its container."""

    name: str
    type: Type
    arrow: str
    """Its Arrow type in words, in which it goes back: ``int64``, ``dictionary``."""
    step: float = 0.0
    """All its cells are multiples of this, if it is not 0; answers are, too."""


class Rows(NamedTuple):
    """Cells as two kinds of memory: one matrix of numbers, and columns of text."""

    columns: tuple[Column, ...]
    numbers: NDArray[np.float64]
    """(n, columns that are no text), in their order; NaN where a cell is missing.

    Times are seconds since 1970-01-01 UTC, durations seconds.
    """
    texts: dict[str, pa.ChunkedArray]
    """The columns of text by name; null where a cell is missing."""
    given: Mapping[str, pa.ChunkedArray] = {}
    """The columns by name as they came, if they came in a frame."""

    @classmethod
    def of(cls, values: NDArray[np.float64], names: Sequence[str]) -> Rows:
        """A matrix of numbers."""
        columns = tuple(Column(name, "float", "double") for name in names)
        return cls(columns, values, {})

    @classmethod
    def joined(cls, one: Rows, other: Rows) -> Rows:
        """The rows of both, which have the same columns."""
        texts = {
            name: pa.chunked_array([*text.chunks, *other.texts[name].chunks])
            for name, text in one.texts.items()
        }
        numbers = np.concatenate([one.numbers, other.numbers])
        return cls(one.columns, numbers, texts)

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.numbers)

    @property
    def numeric(self) -> list[str]:
        """Names of the columns of ``numbers``."""
        return [column.name for column in self.columns if column.type != "text"]

    def renamed(self, names: Sequence[str]) -> Rows:
        """The same rows under other names."""
        pairs = list(zip(self.columns, names, strict=True))
        columns = tuple(column._replace(name=name) for column, name in pairs)
        texts = {n: self.texts[c.name] for c, n in pairs if c.name in self.texts}
        given = {n: self.given[c.name] for c, n in pairs if c.name in self.given}
        return Rows(columns, self.numbers, texts, given)

    def every(self, step: int) -> Rows:
        """Each ``step``-th row."""
        if step <= 1:
            return self
        picked = np.arange(0, self.height, step)
        texts = {name: text.take(picked) for name, text in self.texts.items()}
        return Rows(self.columns, self.numbers[picked], texts)

    def take(self, picked: NDArray[np.int64]) -> Rows:
        """The rows at these places, in their order."""
        texts = {name: text.take(picked) for name, text in self.texts.items()}
        given = {name: cells.take(picked) for name, cells in self.given.items()}
        return Rows(self.columns, self.numbers[picked], texts, given)

    def slice(self, start: int, stop: int) -> Rows:
        """Rows from ``start`` up to ``stop``."""
        texts = {n: text.slice(start, stop - start) for n, text in self.texts.items()}
        return Rows(self.columns, self.numbers[start:stop], texts)
