"""What is learned of a table, piece by piece, and settled at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import gammaln

from isthmus.data.categories import MOST, Categories, LevelCounts
from isthmus.data.conversion import Converter
from isthmus.data.kinds import GONE, SAME, Columns, Found, is_counter, kind_of_text
from isthmus.data.numbers import Numbers, NumberStatistics, refuse_the_infinite
from isthmus.data.rows import Column, Rows
from isthmus.data.table import Table
from isthmus.data.times import Times, TimeStatistics
from isthmus.errors import DataError, unknown
from isthmus.layout import Content

if TYPE_CHECKING:
    from isthmus.data.kinds import Kind, Wish

DEAR = 9.0
"""Cost of the rarest value of a column above which it is not weighed up further: that
of a number three standard deviations away."""

ASIDE = {"identifier", "text"}


class TableLearner:
    """Learns what the columns of a table hold: `update` with any pieces of the rows in
    any order, `merge`, then `finish`: the same rows give the same bits.

    ``content`` is what every entry shall hold, for a likelihood that explains but one
    content; None gives each column the one that suits it.
    """

    def __init__(
        self,
        columns: tuple[Column, ...],
        content: Content | None = None,
        wishes: Columns | None = None,
        *,
        robust: bool = True,
    ) -> None:
        self.columns, self.content, self.robust = columns, content, robust
        self.wishes = wishes or Columns()
        for name in {**self.wishes.kinds, **self.wishes.weights}:
            if name not in (known := [c.name for c in columns]):
                raise DataError(unknown("column", name, known[:50]))
        self.numeric = [c for c in columns if c.type != "text"]
        timed = {"datetime", "duration"}
        self.timed = [j for j, c in enumerate(self.numeric) if c.type in timed]
        self.numbers = NumberStatistics(len(self.numeric))
        self.times = TimeStatistics(len(self.timed))
        self.levels = {c.name: LevelCounts() for c in columns if c.type == "text"}
        self.missing = False

    def update(self, rows: Rows) -> Self:
        """Learn from some rows."""
        refuse_the_infinite(rows.numbers, tuple(rows.numeric))
        self.numbers.update(rows.numbers)
        if self.timed:
            self.times.update(rows.numbers[:, self.timed])
        for name, seen in self.levels.items():
            seen.update(rows.texts[name])
            self.missing |= bool(rows.texts[name].null_count)
        self.missing |= bool(np.isnan(rows.numbers).any())
        return self

    def merge(self, other: Self) -> Self:
        """Learn what another learner has learned from other rows."""
        self.numbers.merge(other.numbers)
        self.times.merge(other.times)
        for name, seen in self.levels.items():
            seen.merge(other.levels[name])
        self.missing |= other.missing
        return self

    def finish(self) -> Table:
        """Settle what each column is, and how it becomes entries."""
        found = [self._found(column) for column in self.columns]
        parts = self._converters({f.name: f.kind for f in found})
        if not parts:
            why = "; ".join(f"{f.name!r}: {f.why or f.kind}" for f in found[:5])
            raise DataError(f"No column is left to learn from: {why}.")
        constants = {
            name: next(iter(self.levels[name].counts), None)
            for name in (f.name for f in found if f.kind == "constant")
            if name in self.levels
        }
        placed = {name for part in parts for name in part.names}
        for name in self.wishes.weights.keys() - placed:
            raise DataError(f"Column {name!r} is set aside, and cannot weigh anything.")
        mixed = len({part.field.content for part in parts}) > 1
        mixed |= any(isinstance(part, Categories | Times) for part in parts)
        weights = self._weights(parts) if mixed or self.wishes.weights else None
        return Table(
            tuple(c._replace(step=self._step(c)) for c in self.columns),
            tuple(found),
            parts,
            constants=constants,
            weights=weights,
            missing=self.missing,
        )

    def _step(self, column: Column) -> float:
        if column.type not in {"datetime", "duration"}:
            j = self.numeric.index(column) if column in self.numeric else -1
            return 1.0 if j >= 0 and self._is_binary(j) else 0.0
        return self.times.step(self.timed.index(self.numeric.index(column)))

    def _found(self, column: Column) -> Found:
        """What the user says a column is, or what its cells say."""
        wish = self.wishes.kinds.get(column.name)
        if wish is not None:
            return self._as_wished(column, wish)
        if column.type == "text":
            return kind_of_text(column, self.levels[column.name])
        moments, j = self.numbers.moments, self.numeric.index(column)
        count, low, high = (
            v[j] for v in (moments.count, moments.smallest, moments.largest)
        )
        if not count or low == high:
            why = SAME if count else GONE
            return Found(column.name, "constant", column.type, why)
        if column.type == "integer" and is_counter(column.name, count, low, high):
            values, counts = self.numbers.sample.column(j)
            # float64 cannot tell larger ones apart
            if len(np.unique(values)) == counts.sum() or high > 2**53:
                return Found(
                    column.name,
                    "identifier",
                    column.type,
                    f"{count:,} whole numbers differ",
                )
        if self._is_binary(j):
            return Found(column.name, "boolean", column.type)
        return Found(column.name, column.type, column.type)

    def _as_wished(self, column: Column, wish: Wish) -> Found:
        """What the user says a column is, if it can be that."""
        levels = self.levels.get(column.name)
        if wish == "category" and levels is not None:
            if levels.too_many:
                raise DataError(
                    f"Column {column.name!r} has more than {MOST:,} different values, "
                    f"too many for a category. Leave it out."
                )
            if len(levels.counts) <= 1:
                return Found(column.name, "constant", column.type, SAME)
        if wish == "boolean" and not self._is_binary(self.numeric.index(column)):
            raise DataError(
                f"Column {column.name!r} is to be boolean, and holds other numbers "
                f"than 0 and 1. Call it a category, or leave it to be found."
            )
        return Found(column.name, wish, column.type)

    def _is_binary(self, j: int) -> bool:
        moments = self.numbers.moments
        low, high = moments.smallest[j], moments.largest[j]
        return bool(moments.whole[j] and {low, high} <= {0.0, 1.0})

    def _converters(self, kinds: dict[str, Kind]) -> list[Converter]:
        """Converters in the order of their entries."""
        runs: dict[Content, list[int]] = {"real": [], "binary": [], "count": []}
        constant: list[int] = []
        times: list[Converter] = []
        texts: list[Converter] = []
        for j, column in enumerate(self.numeric):
            kind = kinds[column.name]
            if kind in ASIDE:
                continue
            if kind == "datetime":
                times.append(self._time(j))
            elif kind == "count" and self.content is None:
                runs["count"].append(j)
            elif kind == "constant":
                constant.append(j)
            elif kind == "boolean":
                runs["binary"].append(j)
            else:
                runs["real"].append(j)
        for name, seen in self.levels.items():
            if kinds[name] not in {*ASIDE, "constant"}:
                content = "category" if self.content is None else self._number(name)
                texts.append(Categories.learned(name, content, seen))
        all_binary = runs["binary"] and not runs["real"] + times + texts
        all_binary = all_binary and all(map(self._is_binary, constant))
        home: Content = "binary" if all_binary else "real"
        runs[home] = sorted(runs[home] + constant)
        if self.content is not None:
            runs = {self.content: sorted(j for run in runs.values() for j in run)}
        numbers = [self._numbers(content, run) for content, run in runs.items() if run]
        first = [p for p in numbers if p.field.content == "real" or self.content]
        rest = [p for p in numbers if p not in first]
        texts.sort(key=lambda text: text.field.levels or 0)
        return first + times + rest + texts

    def _numbers(self, content: Content, columns: list[int]) -> Numbers:
        names = tuple(self.numeric[j].name for j in columns)
        made = Numbers(names, content, robust=self.robust)
        return made.learn(self.numbers, columns)

    def _time(self, j: int) -> Times:
        trend = self._numbers(self._number(self.numeric[j].name), [j])
        return Times.learned(trend, self.times, self.timed.index(j))

    def _number(self, name: str) -> Content:
        """What the entries of a column hold that is no number."""
        content: Content = self.content or "real"
        if content in {"count", "level"}:
            raise DataError(
                f"Column {name!r} must hold the numbers 0, 1, 2, ... for this "
                f"likelihood, and holds others. Leave likelihood=None, or choose 'mse'."
            )
        return content

    def _weights(self, parts: list[Converter]) -> dict[str, float]:
        """Weigh entries so that guessing a column costs 1, times the user's wish."""
        found = {}
        for part in parts:
            for j, name in enumerate(part.names):
                wish = self.wishes.weights.get(name, 1.0)
                cost, most = self._trivial_cost(part, j)
                found[name] = wish / max(cost, most / DEAR)
        return found

    def _trivial_cost(self, part: Converter, j: int) -> tuple[float, float]:
        """What guessing the entries of a column costs: on average, and at most."""
        if isinstance(part, Categories):
            return part.trivial_cost(self.levels[part.name])
        if isinstance(part, Times):
            return 1.0 + len(part.cycles), 0.0  # sine and cosine: one half each
        values, counts = self.numbers.sample.column(
            next(i for i, c in enumerate(self.numeric) if c.name == part.names[j])
        )
        content = part.field.content
        if content not in {"binary", "count"} or not len(values):
            return 1.0, 0.0
        mean = float(np.clip(np.average(values, weights=counts), 1e-12, None))
        if content == "binary":
            other = max(1 - mean, 1e-12)
            cost = -mean * np.log(mean) - other * np.log(other)
            return float(cost), float(-np.log(min(mean, other)))
        cost = mean - values * np.log(mean) + gammaln(values + 1)
        return float(np.average(cost, weights=counts)), 0.0
