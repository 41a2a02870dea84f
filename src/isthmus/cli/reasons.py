"""Which cells speak loudest against a row, and what was expected in their place."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Reason(NamedTuple):
    """One cell and its share of the score of its row."""

    column: str
    contribution: float
    actual: Any
    expected: Any
    actual_probability: float
    """How probable the model held the cell; NaN but for categories."""
    expected_probability: float

    def __str__(self) -> str:
        actual = in_words(self.actual, self.actual_probability)
        expected = in_words(self.expected, self.expected_probability)
        return f"{self.column} {actual} (expected {expected})"


def reasons(told: Any, most: int) -> list[list[Reason]]:
    """The loudest cells of each row of an `Explanation` of Arrow tables."""
    import numpy as np

    names = told.contributions.column_names
    cells = np.column_stack([told.contributions[name] for name in names])
    order = cells.argsort(axis=1, kind="stable")[:, :most]
    told_of_cells = (
        *(told.contributions, told.actual, told.expected),
        *(told.actual_probability, told.expected_probability),
    )
    tables = [table.to_pydict() for table in told_of_cells]
    return [
        [Reason(names[j], *(table[names[j]][i] for table in tables)) for j in row]
        for i, row in enumerate(order)
    ]


def in_words(cell: Any, probability: float = math.nan) -> str:
    """A cell, and how probable it is."""
    text = f"{cell:.4g}" if isinstance(cell, float) else str(cell)
    text = "missing" if cell is None else text
    return text if math.isnan(probability) else f"{text} {probability:.0%}"


def one_type(cells: list[Any]) -> list[Any]:
    """Cells of several columns, below one another: numbers, or else words."""
    if all(isinstance(cell, int | float) for cell in cells):
        return [round(float(cell), 6) for cell in cells]
    return [in_words(cell) for cell in cells]
