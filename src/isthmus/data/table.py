"""A table of any kind: what its columns hold, and how rows become tensors and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.data.arrow import text_to_arrow, to_arrow
from isthmus.data.categories import Categories
from isthmus.data.conversion import Converter, tell, to_batch, to_columns
from isthmus.data.kinds import Found
from isthmus.data.numbers import Numbers, refuse_the_infinite
from isthmus.data.rows import Column, Rows
from isthmus.data.times import Times
from isthmus.errors import DataError, warn
from isthmus.layout import Field, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from isthmus.trace import Batch


_KINDS: dict[str, type[Converter]] = {
    kind.__name__.lower(): kind for kind in (Numbers, Times, Categories)
}


class Table:
    """The columns of a table as entries, and back.

    ``parts`` stand in the order of their entries; columns without one are set aside,
    or hold a ``constant`` text. ``weights`` is how much an entry of a column counts.
    """

    def __init__(
        self,
        columns: tuple[Column, ...],
        found: tuple[Found, ...],
        parts: list[Converter],
        *,
        constants: dict[str, str | None],
        weights: dict[str, float] | None = None,
        missing: bool = False,
    ) -> None:
        self.columns, self.found, self.parts = columns, found, parts
        self.constants, self.weights, self.missing = constants, weights, missing
        self.places = dict(_places(parts))
        self.names = tuple(column.name for column in columns)

    @property
    def width(self) -> int:
        """Columns that become entries."""
        return len(self.places)

    @property
    def types(self) -> dict[str, str]:
        """What the cells of each column are read as."""
        return {column.name: column.type for column in self.columns}

    @property
    def texts(self) -> list[str]:
        """Names of the columns of text."""
        return [column.name for column in self.columns if column.type == "text"]

    @property
    def aside(self) -> list[str]:
        """Names of the columns that are set aside."""
        return [
            name
            for name in self.names
            if name not in self.places and name not in self.constants
        ]

    def layout(self) -> Layout:
        """One field per run of entries of one content."""
        fields: list[Field] = []
        for part in self.parts:
            field = part.field
            last = fields[-1] if fields else None
            if last and (last.content, last.levels) == (field.content, field.levels):
                width = last.shape[0] + field.shape[0]
                fields[-1] = last.changed(shape=(width,))
            else:
                fields.append(field)
        order = [n for part in self.parts for n in part.names]
        widths = [len(range(*self.places[n].indices(2**62))) for n in order]
        cells = tuple(j for j, width in enumerate(widths) for _ in range(width))
        weights = None
        if self.weights is not None:
            each = zip(order, widths, strict=True)
            weights = tuple(self.weights[n] for n, width in each for _ in range(width))
        several = any(width > 1 for width in widths)
        return Layout(
            fields=tuple(fields), cells=cells if several else None, weights=weights
        )

    def encode(self, rows: Rows) -> Batch:
        """Rows as float32 tensors; missing cells are invisible zeros.

        Categories that were not there in fitting, and other values in a column that
        was constant, are counted in one warning.
        """
        refuse_the_infinite(rows.numbers, tuple(rows.numeric))
        batch, strange = to_batch(self.parts, rows)
        for name, value in self.constants.items():
            cells = rows.texts[name].drop_null()
            other = cells if value is None else cells.filter(pc.not_equal(cells, value))
            counts = pc.value_counts(other).to_pylist()
            tell(strange, name, {c["values"]: c["counts"] for c in counts})
        if strange:
            told = "; ".join(_told(*odd) for odd in list(strange.items())[:10])
            warn(f"Not seen in fitting: {told}.")
        return batch

    def decode(
        self, entries: NDArray[np.float32], rows: Rows | None = None
    ) -> dict[str, Any]:
        """Columns by name that entries (n, E) stand for, in their Arrow types.

        Columns that were set aside are those of ``rows``, or missing.
        """
        return self.typed(to_columns(self.parts, entries), len(entries), rows)

    def typed(
        self, cells: Mapping[str, Any], count: int, rows: Rows | None = None
    ) -> dict[str, Any]:
        """Columns by name in their Arrow types, of ``cells`` of those with entries."""
        texts = {
            name: pa.array([text] * count, pa.string())
            for name, text in self.constants.items()
        }
        found = texts | dict(cells)
        return {c.name: self._column(c, found, rows, count) for c in self.columns}

    def as_they_are(self, rows: Rows) -> dict[str, Any]:
        """Columns of the rows by name, in their Arrow types."""
        return {c.name: self._column(c, {}, rows, rows.height) for c in self.columns}

    @property
    def chosen(self) -> set[str]:
        """Columns whose cells have a probability: one of several values."""
        contents = {"binary", "category", "level"}
        return {n for p in self.parts if p.field.content in contents for n in p.names}

    def numbers(self, entries: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Numbers (n, columns) that entries stand for, if all columns are numbers.

        They are not rounded: where cells are 0 or 1, they are probabilities.
        """
        if len(self.places) < len(self.columns) or self.texts:
            return None
        if len(self.parts) == 1:
            return self.parts[0].decode(entries)  # type: ignore[return-value]
        found = to_columns(self.parts, entries)
        return np.column_stack([found[name] for name in self.names])

    def by_column(self, entries: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum figures of entries (n, E) over those of each column, (n, columns)."""
        sums = np.zeros((len(entries), len(self.columns)))
        for j, name in enumerate(self.names):
            if name in self.places:
                sums[:, j] = entries[:, self.places[name]].sum(axis=1)
        return sums

    def _column(
        self, column: Column, found: dict[str, Any], rows: Rows | None, count: int
    ) -> Any:
        """A column in its Arrow type: decoded, constant, passed on or missing."""
        name, text = column.name, column.type == "text"
        if name in found:
            cells = found[name]
        elif rows is not None and name in rows.given:
            return rows.given[name]
        elif rows is not None and name in rows.numeric:
            cells = rows.numbers[:, rows.numeric.index(name)]
        else:
            cells = pa.nulls(count, pa.string()) if text else np.full(count, np.nan)
        return text_to_arrow(column, cells) if text else to_arrow(column, cells)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        parts = [
            {"kind": type(part).__name__.lower(), **part.to_dict()}
            for part in self.parts
        ]
        weights = self.weights
        return {
            "columns": [list(column) for column in self.columns],
            "found": [list(found) for found in self.found],
            "parts": parts,
            "constants": self.constants,
            "weights": weights and {n: float(w).hex() for n, w in weights.items()},
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote, of this version or of 0.1.0: only numbers."""
        if "parts" not in data:
            numbers = Numbers.from_dict(data)
            columns = Rows.of(np.empty((0, len(numbers.names))), numbers.names).columns
            return cls(
                columns,
                tuple(Found(name, "float", "float") for name in numbers.names),
                [numbers],
                constants={},
                missing=bool(data["missing"]),
            )
        parts = [_KINDS[part["kind"]].from_dict(part) for part in data["parts"]]
        weights = data["weights"]
        made = cls(
            tuple(Column(*column) for column in data["columns"]),
            tuple(Found(*found) for found in data["found"]),
            parts,
            constants=dict(data["constants"]),
            weights=weights and {n: float.fromhex(w) for n, w in weights.items()},
            missing=bool(data["missing"]),
        )
        made._refuse_misfits()
        return made

    def _refuse_misfits(self) -> None:
        """Refuse plain data whose pieces speak of different columns."""
        text = {c.name for c in self.columns if c.type == "text"}
        found = [(part, name) for part in self.parts for name in part.names]
        if len(self.places) != len(found) or not set(self.places) <= set(self.names):
            raise DataError("'parts' must hold columns of the table, each once.")
        if any(isinstance(part, Categories) != (name in text) for part, name in found):
            raise DataError("'parts' must hold text where the columns do.")
        if not set(self.constants) <= text or self.names != tuple(
            found.name for found in self.found
        ):
            raise DataError("'constants' and 'found' must belong to the columns.")
        if self.weights is not None and set(self.weights) != set(self.places):
            raise DataError("'weights' must hold one number per column.")


def _places(parts: list[Converter]) -> Iterator[tuple[str, slice]]:
    """Which entries each column becomes."""
    start = 0
    for part in parts:
        width = part.field.shape[0] // len(part.names)
        for name in part.names:
            yield name, slice(start, start + width)
            start += width


def _told(name: str, strange: dict[str, int]) -> str:
    """``'job': 3 cells, such as 'astronaut'``."""
    cells = sum(strange.values())
    examples = ", ".join(repr(value)[:40] for value in list(strange)[:3])
    return f"{name!r}: {cells:,} cell{'s' * (cells > 1)}, such as {examples}"
