"""Which cells speak loudest against a row, and what was expected in their place."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np

from isthmus.errors import DataError

RARE = 0.1
"""Tail above which a second reason is none."""


class Reason(NamedTuple):
    """One cell and its share of the score of its row."""

    column: str
    contribution: float
    tail: float
    """Share of calibration rows whose cell contributes as little; NaN if unknown."""
    actual: Any
    expected: Any
    actual_probability: float
    """How probable the model held the cell; NaN but for categories."""
    expected_probability: float

    @property
    def agrees(self) -> bool:
        """Whether it is what was expected, in the same words."""
        return in_words(self.actual) == in_words(self.expected)

    def __str__(self) -> str:
        actual = in_words(self.actual, self.actual_probability)
        expected = in_words(self.expected, self.expected_probability)
        return f"{self.column} {actual} (expected {expected})"


def reasons(told: Any, most: int) -> list[list[Reason]]:
    """The cells of each row of an `Explanation` to blame first, the first first.

    Of those that were tried, that which mends most if it is set right; then those that
    take most from the score.
    """
    if isinstance(told.contributions, list) or np.ndim(told.contributions) > 2:
        raise DataError(
            "Reasons are named by columns, and these rows have none. `contributions` "
            "are those of every pixel, or of every band and frame."
        )
    names, contributions = _columns(told.contributions)
    if told.names is not None:
        names = list(told.names)
    cells = blame = np.column_stack(contributions)
    if told.mends is not None:
        mends = np.column_stack(_columns(told.mends)[1]).astype(float)
        tried = ~np.isnan(mends)
        least = blame.min(axis=1, initial=0.0, keepdims=True)
        blame = np.where(tried, least - 1 - mends.clip(min=0.0), blame)
    order = blame.argsort(axis=1, kind="stable")[:, :most]
    others = (
        *(told.tail, told.actual, told.expected),
        *(told.actual_probability, told.expected_probability),
    )
    unknown = [np.full(len(cells), math.nan)] * len(names)
    tables = [unknown if table is None else _columns(table)[1] for table in others]
    return [
        [
            Reason(names[j], float(cells[i, j]), *(table[j][i] for table in tables))
            for j in row
        ]
        for i, row in enumerate(order)
    ]


def rare(row: list[Reason]) -> list[Reason]:
    """The first, and others that take from the score as hardly any row does."""
    others = [cell for cell in row[1:] if cell.contribution < 0 and not cell.agrees]
    return [*row[:1], *(cell for cell in others if not cell.tail > RARE)]


def in_words(cell: Any, probability: float = math.nan) -> str:
    """A cell, and how probable it is."""
    real = isinstance(cell, float | np.floating)
    if cell is None or (real and math.isnan(cell)):
        text = "missing"
    elif real:
        text = f"{cell:.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}"
    else:
        text = str(cell)
    return text if math.isnan(probability) else f"{text} {probability:.0%}"


def _columns(table: Any) -> tuple[list[str], list[Any]]:
    """Names and columns of a table in any container."""
    if isinstance(table, np.ndarray):
        return [f"x{j}" for j in range(table.shape[1])], list(table.T)
    frame = nw.from_native(table, eager_only=True)
    names = list(map(str, frame.columns))
    return names, [column.to_list() for column in frame.iter_columns()]
