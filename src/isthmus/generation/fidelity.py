"""How like made rows are to real ones, column by column and in pairs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import ks_2samp, spearmanr

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cells = dict[str, Any]
"""Columns by name: numbers, NaN where missing; or objects, None where missing."""

BINS = 10
"""Into how many equally frequent pieces numbers are cut, to be counted."""

MOST = 50
"""Levels that are told apart where pairs are counted, the most frequent ones."""


def marginals(real: Cells, made: Cells) -> dict[str, float]:
    """Distance of two distributions, column by column, from 0 (alike) to 1.

    Of numbers that of Kolmogorov and Smirnov, max |F - G|; of others the total
    variation, sum |p - q| / 2, in which missing is a level.
    """
    return {name: _distance(real[name], made[name]) for name in real}


def correlations(real: Cells, made: Cells) -> dict[tuple[str, str], float]:
    """|difference| of the rank correlations of two columns of numbers."""
    names = [n for n in real if is_number(real[n])]
    found = {}
    for one, two in itertools.combinations(names, 2):
        both = [_correlation(cells[one], cells[two]) for cells in (real, made)]
        if np.isfinite(both).all():
            found[one, two] = abs(both[0] - both[1])
    return found


def contingencies(real: Cells, made: Cells) -> dict[tuple[str, str], float]:
    """Total variation of the table of two columns; numbers are cut into tenths."""
    pieces = {name: _pieces(real[name], made[name]) for name in real}
    found = {}
    for one, two in itertools.combinations(real, 2):
        tables = [
            np.bincount(a * width + b, minlength=size) / max(len(a), 1)
            for a, b, width, size in _tables(pieces[one], pieces[two])
        ]
        found[one, two] = float(np.abs(tables[0] - tables[1]).sum() / 2)
    return found


def is_number(cells: NDArray[Any]) -> bool:
    """Whether a column holds numbers."""
    return cells.dtype.kind == "f"


def _distance(real: NDArray[Any], made: NDArray[Any]) -> float:
    if is_number(real):
        one, two = (cells[~np.isnan(cells)] for cells in (real, made))
        if not len(one) or not len(two):
            return float(len(one) != len(two))
        return float(ks_2samp(one, two, method="asymp").statistic)
    both = [_words(cells) for cells in (real, made)]
    levels = np.unique(np.concatenate(both))
    shares = [np.array([(cells == v).mean() for v in levels]) for cells in both]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's, of the rows in which neither is missing."""
    known = ~(np.isnan(a) | np.isnan(b))
    a, b = a[known], b[known]
    if len(a) < 2 or min(np.ptp(a), np.ptp(b)) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


def _pieces(
    real: NDArray[Any], made: NDArray[Any]
) -> tuple[list[NDArray[np.int64]], int]:
    """Both columns as numbers of a piece or a level, and how many there are."""
    if is_number(real):
        known = real[~np.isnan(real)]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(known, inner)) if len(known) else np.zeros(0)
        cut = [np.searchsorted(edges, v, side="left") for v in (real, made)]
        last = len(edges) + 1
        pairs = zip(cut, (real, made), strict=True)
        return [np.where(np.isnan(v), last, c) for c, v in pairs], last + 1
    words = [_words(cells) for cells in (real, made)]
    levels, counts = np.unique(words[0], return_counts=True)
    kept = levels[np.argsort(-counts, kind="stable")][:MOST]
    place = {level: j for j, level in enumerate(kept)}
    return [np.array([place.get(w, len(kept)) for w in v]) for v in words], len(
        kept
    ) + 1


def _tables(one: Any, two: Any) -> Any:
    (a, b), width = one
    (c, d), height = two
    return ((x, y, height, width * height) for x, y in ((a, c), (b, d)))


def _words(cells: NDArray[Any]) -> NDArray[Any]:
    return np.array(["(missing)" if c is None else str(c) for c in cells])
