"""Whole numbers as a few symbols, each with a place inside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

MOST = 256
"""Different values that each have a symbol of their own."""

BINS = 64
"""Symbols of a column with more values: about as many cells in each."""

LEAST = 8
"""Cells of a bin, of few rows."""


class Symbols(NamedTuple):
    """Symbol j stands for the whole numbers from ``starts[j]`` to ``stops[j] - 1``."""

    starts: Whole
    stops: Whole

    @property
    def number(self) -> int:
        """How many symbols there are."""
        return len(self.starts)

    @property
    def middles(self) -> Whole:
        """The number in the middle of each symbol."""
        return (self.starts + self.stops - 1) // 2

    def split(self, k: Whole) -> tuple[Whole, Whole]:
        """Symbols (n,) of whole numbers, and the places inside of them."""
        index = np.searchsorted(self.starts, k, side="right") - 1
        return index, k - self.starts[index]

    @property
    def sizes(self) -> Whole:
        """How many whole numbers each symbol stands for."""
        return self.stops - self.starts


def learn(k: Whole) -> Symbols:
    """One symbol for each value, or, where there are many, for values side by side."""
    values, counts = np.unique(k, return_counts=True)
    if len(values) <= MOST and len(values) * LEAST <= max(len(k), BINS * LEAST):
        return Symbols(values, values + 1)
    share = max(len(k) / BINS, LEAST)
    opened = [0]
    inside = counts[0]
    for j in range(1, len(values)):
        if inside + counts[j] / 2 > share or counts[j] > share:
            opened.append(j)
            inside = 0
        inside += counts[j]
    starts = values[opened]
    lasts = values[[*(j - 1 for j in opened[1:]), len(values) - 1]]
    return Symbols(starts, lasts + 1)
