"""Functional dependencies: columns of which one decides the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    Cells = Mapping[str, Any]
    """Columns by name: arrays of numbers, or of words."""

MANY = 200
"""Different cells of a column that is looked at, at most."""

EVIDENCE = 12.0
"""Decimal digits by which a dependency must be less likely chance than not."""

SOME = 2**15
"""Rows that are looked at together."""

GIVEN = 1e6
"""How much a cell counts that is given, beside one that is made."""


class Dependency(NamedTuple):
    """Columns of which the first decides the others, and all that they say together."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    """Cells that occur together: numbers, words, or None where one is missing."""
    spreads: tuple[float | None, ...]
    """Standard deviations of numbers in fitting; None for words."""

    def put(self, cells: dict[str, Any], given: Collection[str]) -> None:
        """Replace what does not go together by the nearest that does.

        A word that differs is as far as a number that is a standard deviation off, or
        more: so a number drawn with much noise does not overrule the others.
        """
        count = len(cells[self.columns[0]])
        parts = [self._nearest(cells, given, k) for k in range(0, count, SOME)]
        nearest = [self.rows[k] for k in np.concatenate(parts)]
        for column, name in enumerate(self.columns):
            if name not in given:
                found = [row[column] for row in nearest]
                if self.spreads[column] is None:
                    cells[name] = pa.array(found, pa.string())
                else:
                    cells[name] = np.array(found, np.float64)  # None is NaN

    def _nearest(
        self, cells: Cells, given: Collection[str], start: int
    ) -> NDArray[np.int64]:
        """Which of the rows is nearest to some of those that were made."""
        distance: Any = 0.0
        for column, name in enumerate(self.columns):
            made = cells[name][start : start + SOME]
            known = [row[column] for row in self.rows]
            apart = _apart(made, known, self.spreads[column])
            distance = distance + apart * (GIVEN if name in given else 1)
        return np.asarray(distance.argmin(1), np.int64)


def learned(cells: Cells) -> tuple[Dependency, ...]:
    """Functional dependencies among columns of one length.

    That b is constant among rows of each a has, were the two independent, about the
    probability prod p(b)^(n(a) - 1); it is taken for one where it always is, missing
    cells among others, and that is below 1e-12.
    """
    listed, codes = {}, {}
    for name, column in cells.items():
        found = _listed(column)
        place: dict[Any, int] = {}
        which = [place.setdefault(cell, len(place)) for cell in found]
        if 1 < len(place) <= MANY:
            listed[name], codes[name] = found, np.array(which)
    # one that decides others has as many values or more
    order = sorted(codes, key=lambda name: -codes[name].max())
    decided: dict[str, list[str]] = {}
    for name in order:
        of = next((a for a in decided if _decides(codes[a], codes[name])), name)
        decided.setdefault(of, []).append(name)
    return tuple(
        Dependency(
            tuple(names),
            tuple(dict.fromkeys(zip(*(listed[n] for n in names), strict=True))),
            tuple(_spread(cells[n]) for n in names),
        )
        for names in decided.values()
        if len(names) > 1
    )


def to_plain(found: Sequence[Dependency]) -> list[dict[str, Any]]:
    """Plain data that `from_plain` takes."""
    return [one._asdict() for one in found]


def from_plain(plain: Sequence[Mapping[str, Any]]) -> tuple[Dependency, ...]:
    """Rebuild from plain data."""
    return tuple(
        Dependency(
            tuple(t["columns"]), tuple(map(tuple, t["rows"])), tuple(t["spreads"])
        )
        for t in plain
    )


def _apart(column: Any, known: list[Any], spread: float | None) -> NDArray[np.float64]:
    """How far cells (n,) are from those of each row, (n, rows), at most 1."""
    if spread is None:
        told = np.array(_listed(column), object)[:, None]
        return np.asarray(told != np.array(known, object), np.float64)
    x, y = column[:, None], np.array(known, np.float64)
    apart: NDArray[np.float64] = np.fmin(np.abs(x - y) / spread, 1.0)
    apart[np.isnan(x) & np.isnan(y)] = 0.0
    return apart


def _listed(column: Any) -> list[Any]:
    """Cells as plain numbers or words; None where one is missing."""
    if not isinstance(column, np.ndarray):
        return list(column.to_pylist())
    return [None if np.isnan(x) else x for x in column.tolist()]


def _spread(column: Any) -> float | None:
    """The standard deviation of numbers, or 1 if they are all the same."""
    return float(np.nanstd(column)) or 1.0 if isinstance(column, np.ndarray) else None


def _decides(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    """Whether each value of a goes with one of b, and that is no chance."""
    first = np.full(a.max() + 1, -1)
    first[a[::-1]] = b[::-1]
    if (first[a] != b).any():
        return False
    share = np.bincount(b) / len(b)
    evidence = -((np.bincount(a) - 1) * np.log10(share[first])).sum()
    return bool(evidence > EVIDENCE)
