"""Columns of dates and times: a trend, and the cycles that vary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from isthmus.data.numbers import Numbers
from isthmus.layout import Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY = 86_400.0


class Cycle(NamedTuple):
    """A period in seconds, and where it starts, in seconds since 1970 (a Thursday)."""

    period: float
    start: float
    pieces: int
    """Into how many pieces it is cut to see whether a column varies in it."""


CYCLES = {
    "year": Cycle(365.2425 * DAY, 0.0, 12),
    "week": Cycle(7 * DAY, 4 * DAY, 7),
    "day": Cycle(DAY, 0.0, 24),
}
"""From long to short."""

STEPS = (DAY, 3600.0, 60.0, 1.0)
"""Seconds that all cells of a column may be multiples of."""

SURE = 0.5
"""Length of (sine, cosine) from which a cycle is believed."""


class TimeStatistics:
    """What is learned of columns of times, or of durations, in seconds."""

    def __init__(self, columns: int) -> None:
        self.pieces = {
            name: np.zeros((columns, cycle.pieces), dtype=bool)
            for name, cycle in CYCLES.items()
        }
        self.whole = np.ones((columns, len(STEPS)), dtype=bool)

    def update(self, values: NDArray[np.float64]) -> None:
        """Take in the rows of ``values``, (n, columns)."""
        for j, column in enumerate(values.T):
            times = column[~np.isnan(column)]
            for name, cycle in CYCLES.items():
                self.pieces[name][j, _piece(times, cycle)] = True
            for k, step in enumerate(STEPS):
                self.whole[j, k] &= bool((np.fmod(times, step) == 0).all())

    def step(self, j: int) -> float:
        """The longest of `STEPS` that all cells of a column are multiples of, or 0."""
        return next((s for k, s in enumerate(STEPS) if self.whole[j, k]), 0.0)

    def merge(self, other: Self) -> None:
        """Take in what another part has seen."""
        for name in self.pieces:
            self.pieces[name] |= other.pieces[name]
        self.whole &= other.whole


class Times:
    """A column of times as real entries: a trend, and sine and cosine per cycle.

    A cycle is kept if times lie in more than one of its pieces (months, weekdays,
    hours), and a year only if they span more than one.
    """

    def __init__(self, trend: Numbers, cycles: tuple[str, ...]) -> None:
        self.trend, self.cycles = trend, cycles

    @classmethod
    def learned(cls, trend: Numbers, times: TimeStatistics, j: int) -> Self:
        """Settle the cycles of column ``j`` of the statistics."""
        span = float(trend.high[0] - trend.low[0])
        cycles = tuple(
            name
            for name, seen in times.pieces.items()
            if seen[j].sum() > 1 and (name != "year" or span > CYCLES["year"].period)
        )
        return cls(trend, cycles)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the column."""
        return self.trend.names

    @property
    def field(self) -> Field:
        """Its run of entries."""
        width = 1 + 2 * len(self.cycles)
        return Field(content=self.trend.content, shape=(width,))

    def encode(self, times: NDArray[np.float64]) -> NDArray[np.float32]:
        """Entries (n, width) of times (n,) in seconds since 1970."""
        entries = [self.trend.encode(times[:, None])]
        for name in self.cycles:
            angle = _angle(times, CYCLES[name])[:, None]
            waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
            if self.trend.content == "unit":
                waves = (waves + 1) / 2
            entries.append(np.nan_to_num(waves, nan=0.0).astype(np.float32))
        return np.concatenate(entries, axis=1)

    def decode(self, entries: NDArray[np.float32]) -> NDArray[np.float64]:
        """Times (n,) that entries stand for: the trend says when, the cycles refine."""
        times = self.trend.decode(entries[:, :1])[:, 0]
        for j, name in enumerate(self.cycles):
            period = CYCLES[name].period
            sine, cosine = entries[:, 1 + 2 * j].astype(float), entries[:, 2 + 2 * j]
            if self.trend.content == "unit":
                sine, cosine = 2 * sine - 1, 2 * cosine - 1
            off = np.arctan2(sine, cosine) - _angle(times, CYCLES[name])
            off = (off / (2 * np.pi) + 0.5) % 1 - 0.5  # the nearest such moment
            times = times + np.where(np.hypot(sine, cosine) > SURE, off * period, 0.0)
        return times

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        return {"trend": self.trend.to_dict(), "cycles": list(self.cycles)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote."""
        cycles = tuple(name for name in CYCLES if name in data["cycles"])
        return cls(Numbers.from_dict(data["trend"]), cycles)


def _angle(times: NDArray[np.float64], cycle: Cycle) -> NDArray[np.float64]:
    """Angle of the moment in its cycle, from 0 to 2 pi."""
    return 2 * np.pi * (((times - cycle.start) / cycle.period) % 1)


def _piece(times: NDArray[np.float64], cycle: Cycle) -> NDArray[np.int64]:
    share = ((times - cycle.start) / cycle.period) % 1
    return np.minimum(share * cycle.pieces, cycle.pieces - 1).astype(np.int64)
