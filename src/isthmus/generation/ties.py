"""Columns that say the same thing in other words: one follows from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

MANY = 200
"""Different cells of a column that is looked at, at most."""

EVIDENCE = 12.0
"""Decimal digits by which a tie must be less likely chance than not."""


class Ties(NamedTuple):
    """Functions f with b = f(a) in every row of fitting, missing cells among them.

    That b is constant among rows of each a has, were the two independent, about the
    probability prod p(b)^(n(a) - 1); a tie is believed where it is below 1e-12.
    """

    functions: dict[str, tuple[str, dict[Any, Any]]]
    """By the name of b, in an order in which they can be applied: that of a, and f."""

    @classmethod
    def learned(cls, cells: Mapping[str, Any]) -> Self:
        """Learn from columns of one length: arrays of numbers, or of words."""
        values, codes = {}, {}
        for name, column in cells.items():
            found, place = _factorized(column)
            if 1 < len(found) <= MANY:
                values[name], codes[name] = found, place
        # what follows has as many values or fewer, so that nothing goes round
        order = sorted(values, key=lambda name: -len(values[name]))
        functions: dict[str, Any] = {}
        for j, b in enumerate(order):
            for a in reversed(order[:j]):  # the one with the fewest values says enough
                if (places := _function(codes[a], codes[b])) is not None:
                    pairs = zip(values[a], places, strict=True)
                    functions[b] = a, {v: values[b][k] for v, k in pairs}
                    break
        return cls(functions)

    def put(self, cells: dict[str, Any], given: Collection[str] = ()) -> None:
        """Let columns follow from others; those that are given, others lead to."""
        fixed = set(given)
        for b, (a, function) in reversed(self.functions.items()):
            if b in fixed and a not in fixed:
                fixed.add(a)
                back = {y: x for x, y in reversed(function.items())}
                pairs = zip(_listed(cells[a]), _listed(cells[b]), strict=True)
                after = [
                    x if function.get(x) == y else back.get(y, x) for x, y in pairs
                ]
                cells[a] = _like(cells[a], after)
        for b, (a, function) in self.functions.items():
            if b not in fixed:
                pairs = zip(_listed(cells[a]), _listed(cells[b]), strict=True)
                cells[b] = _like(cells[b], [function.get(x, y) for x, y in pairs])

    def to_plain(self) -> list[dict[str, Any]]:
        """Plain data that `from_plain` takes."""
        return [
            {"column": b, "by": a, "function": [list(pair) for pair in f.items()]}
            for b, (a, f) in self.functions.items()
        ]

    @classmethod
    def from_plain(cls, plain: list[dict[str, Any]]) -> Self:
        """Rebuild from plain data."""
        return cls({p["column"]: (p["by"], dict(p["function"])) for p in plain})


def _listed(column: Any) -> list[Any]:
    """Cells as plain numbers or words; None where one is missing."""
    if not isinstance(column, np.ndarray):
        return list(column.to_pylist())
    return [None if x != x else x for x in column.tolist()]  # noqa: PLR0124 - NaN


def _like(column: Any, cells: list[Any]) -> Any:
    """Cells as an array of numbers, where None is NaN, or of words, as a column is."""
    if isinstance(column, np.ndarray):
        return np.array(cells, np.float64)
    return pa.array(cells, pa.string())


def _factorized(column: Any) -> tuple[list[Any], NDArray[np.int64]]:
    """Different cells, and which of them each is."""
    place: dict[Any, int] = {}
    codes = [place.setdefault(cell, len(place)) for cell in _listed(column)]
    return list(place), np.array(codes)


def _function(a: NDArray[np.int64], b: NDArray[np.int64]) -> list[int] | None:
    """Of each value of a, that of b that it goes with; None if there is no tie."""
    first = np.full(a.max() + 1, -1)
    first[a[::-1]] = b[::-1]
    if (first[a] != b).any():
        return None
    share = np.bincount(b) / len(b)
    evidence = -((np.bincount(a) - 1) * np.log10(share[first])).sum()
    return first.tolist() if evidence > EVIDENCE else None
