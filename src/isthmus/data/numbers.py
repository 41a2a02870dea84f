"""Columns of numbers: what they hold, and how they become entries and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from isthmus.data.exact import Moments, pieces_of
from isthmus.data.sample import RowSample, quantiles
from isthmus.errors import DataError
from isthmus.layout import Field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.layout import Content

KNEE = 30.0
"""Spreads from the centre up to which a number is taken as it is."""

CLIP = 1e4
"""Entries beyond this are brought back to it, so that no squared error overflows."""

FLOOR = 1e-6
"""Smallest range, as a share of the absolute values: below it a column counts as
constant, and is not blown up."""

EXACT = 1e-15
"""The same for whole numbers, in which there is no rounding."""

FAR = 3.0
"""Entries to which the ends of the range come at most, if half of the column is one
number: a column that hardly ever varies is not blown up when it does."""

CHANGED = 0.25
"""Largest entry of a column that was constant, and is no more: enough to tell it from
the others, too little to drown them."""

LARGEST = 1e150
"""Largest absolute value: the square of a larger one overflows."""

SMALLEST = 1 / LARGEST
"""Smallest range of a column that is no constant."""

LADDER = ((0.25, 1.349), (0.1, 2.563), (0.05, 3.290), (0.01, 4.653), (0.0, 6.0))
"""Share of values in each tail, and how many standard deviations of a normal
distribution lie between the tails: the first range that is not empty is the spread."""


class NumberStatistics:
    """What is learned of columns of numbers: exact moments, and a sample of rows."""

    def __init__(self, columns: int) -> None:
        self.moments = Moments(columns)
        self.sample = RowSample(columns)
        self.rows = 0

    def update(self, values: NDArray[np.float64]) -> None:
        """Take in the rows of ``values``, (n, columns)."""
        for some in pieces_of(values):
            piece = some + 0.0  # there is but one zero
            self.moments.update(piece)
            self.sample.update(piece)
        self.rows += len(values)

    def merge(self, other: Self) -> None:
        """Take in what another part has seen."""
        self.moments.merge(other.moments)
        self.sample.merge(other.sample)
        self.rows += other.rows


class Numbers:
    """Columns of numbers as entries of one content.

    A ``real`` entry is y = (tail((x - center) / spread) - shift) / scale: ``center`` is
    the median, ``spread`` an interquantile range that matches the standard deviation
    of normal data, tail(u) is u up to `KNEE` and KNEE + log(1 + u - KNEE) beyond, with
    its sign, so that far values stay apart but do not drown the others; ``shift`` and
    ``scale`` give y mean 0 and standard deviation 1. A ``unit`` entry brings [smallest,
    largest] to [0, 1] unless they lie there already; others stay as they are. If not
    ``robust``, center and spread are mean and standard deviation, without a tail. What
    is made of entries in the tail lies at most as far again out as numbers of fitting.
    """

    def __init__(
        self, names: tuple[str, ...], content: Content, *, robust: bool = True
    ) -> None:
        self.names, self.content = names, content
        self.knee = KNEE if robust and content == "real" else np.inf
        count = len(names)
        self.center, self.shift = np.zeros(count), np.zeros(count)
        self.spread, self.scale = np.ones(count), np.ones(count)
        self.low, self.high = np.zeros(count), np.zeros(count)
        self.still = np.zeros(count)

    def learn(self, seen: NumberStatistics, columns: list[int]) -> Self:
        """Settle center and spread of the ``columns`` that were ``seen``."""
        moments = seen.moments
        known = moments.count[columns] > 0
        self.low = np.where(known, moments.smallest[columns], 1.0)  # an empty range
        self.high = np.where(known, moments.largest[columns], 0.0)
        if self.content == "real":
            self.center, self.spread = moments.mean(columns), moments.deviation(columns)
            size = np.maximum(np.abs(self.low), np.abs(self.high))
            floor = np.where(moments.whole[columns], EXACT, FLOOR)
            still = self.high - self.low <= np.maximum(floor * size, SMALLEST)
            self.spread[still] = np.where(size > SMALLEST, size, 1.0)[still]
            bent = np.isfinite(self.knee) & known & ~still
            self.still = still.astype(float)
            for j in np.flatnonzero(bent).tolist():
                self._settle(j, *seen.sample.column(columns[j]), floor[j])
        elif self.content == "unit":
            inside = (self.low >= 0) & (self.high <= 1)
            span = self.high - self.low
            self.center = np.where(inside, 0.0, self.low)
            self.spread = np.where(inside | (span == 0), 1.0, span)
        elif self.content != "binary":
            self._refuse_what_is_no_count(moments.whole[columns])
        return self

    def _settle(
        self,
        j: int,
        values: NDArray[np.float64],
        counts: NDArray[np.int64],
        floor: float,
    ) -> None:
        """Center, spread, shift and scale of column ``j`` from its values in order."""
        if not len(values):  # all that are known lie outside the sample
            return
        self.center[j] = quantiles(values, counts, (0.5,))[0]
        width = _width(values, counts, floor)
        if width is None:
            self.still[j] = 1.0
            return
        self.spread[j], least = width
        bent = _tail((values - self.center[j]) / self.spread[j], self.knee)
        self.shift[j] = np.average(bent, weights=counts)
        square = np.average((bent - self.shift[j]) ** 2, weights=counts)
        self.scale[j] = max(np.sqrt(square), least)

    @property
    def field(self) -> Field:
        """Their run of entries."""
        levels = int(self.high.max()) + 1 if self.content == "level" else None
        return Field(content=self.content, shape=(len(self.names),), levels=levels)

    def constant(self) -> NDArray[np.bool_]:
        """Which columns hold but one number, or as good as that: entries near 0."""
        alike: NDArray[np.bool_] = (self.low >= self.high) | (self.still > 0)
        return alike

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Entries (n, columns) of numbers (n, columns); 0 where one is missing."""
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = _tail((values - self.center) / self.spread, self.knee)
            if self.content == "real":
                scaled -= self.shift
                scaled /= self.scale
        low = {"real": -CLIP}.get(self.content, 0.0)
        high = {"real": CLIP, "unit": 1.0, "binary": 1.0}.get(self.content, np.inf)
        np.clip(scaled, low, high, out=scaled)
        if self.content == "real":
            fixed = self.constant()
            scaled[:, fixed] = np.clip(scaled[:, fixed], -CHANGED, CHANGED)
        scaled[np.isnan(scaled)] = 0.0
        return scaled.astype(np.float32)

    def decode(self, entries: NDArray[np.float32]) -> NDArray[np.float64]:
        """Numbers (n, columns) that entries (n, columns) stand for."""
        bent = entries.astype(np.float64) * self.scale + self.shift
        with np.errstate(over="ignore"):
            numbers = _tail_inverse(bent, self.knee) * self.spread + self.center
        # a small error of an entry is a large one far out: as far again, and no farther
        width = self.high - self.low
        near = np.clip(numbers, self.low - width, self.high + width)
        numbers = np.where(np.abs(bent) > self.knee, near, numbers)
        if self.content == "real":
            numbers = np.where(self.constant(), self.center, numbers)
        numbers = np.where(self.low == self.high, self.low, numbers)
        numbers[:, self.low > self.high] = np.nan  # nothing is known of these
        return np.clip(numbers, -LARGEST, LARGEST)

    def refuse_the_unfit(self, values: NDArray[np.float64]) -> None:
        """Refuse what is no count, or a level that was not there in fitting."""
        if self.content not in {"count", "level"}:
            return
        high = self.high.max() if self.content == "level" else np.inf
        wrong = (values < 0) | (values > high) | (values != np.rint(values))
        wrong &= ~np.isnan(values)
        if wrong.any():
            row, column = map(int, np.argwhere(wrong)[0])
            raise DataError(
                f"Column {self.names[column]!r} holds {values[row, column]} in row "
                f"{row}, and must hold whole numbers from 0 to {high:g}."
            )

    def strange(self, values: NDArray[np.float64]) -> list[tuple[str, dict[str, int]]]:
        """Columns that were constant, or 0 and 1, and other values that they hold."""
        fixed = (self.low == self.high) | (self.content == "binary")
        fixed &= self.content in {"real", "binary"}
        if not fixed.any():
            return []
        near = np.isnan(values) | (values == self.low) | (values == self.high)
        found = []
        for j in np.flatnonzero(fixed & ~near.all(axis=0)):
            other, counts = np.unique(values[~near[:, j], j], return_counts=True)
            told = {f"{v:g}": int(n) for v, n in zip(other, counts, strict=True)}
            found.append((self.names[j], told))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse. Numbers as hexadecimal, exactly."""
        return {
            "names": list(self.names),
            "content": self.content,
            "knee": float(self.knee).hex(),
            **{key: [float(v).hex() for v in getattr(self, key)] for key in LEARNED},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote, or 0.1.0, which knew no tail."""
        made = cls(tuple(data["names"]), data["content"])
        if "knee" not in data:
            old = {"center": data["shift"], "spread": data["scale"]}
            data = {"knee": "inf", **old, "low": data["low"], "high": data["high"]}
        made.knee = float.fromhex(data["knee"])
        for key in LEARNED & data.keys():
            learned = np.array([float.fromhex(v) for v in data[key]])
            if len(learned) != len(made.names) or not np.isfinite(learned).all():
                raise DataError(f"{key!r} must hold one finite number per column.")
            setattr(made, key, learned)
        if not made.knee > 0 or min(made.scale.min(), made.spread.min()) <= 0:
            raise DataError("'scale' and 'spread' must hold positive numbers.")
        return made

    def _refuse_what_is_no_count(self, whole: NDArray[np.bool_]) -> None:
        wrong = ~whole | (self.low < 0)
        if wrong.any():
            raise DataError(
                f"Column {self.names[int(wrong.argmax())]!r} must hold the numbers 0, "
                f"1, 2, ... for this likelihood, and holds others. Choose another "
                f"likelihood, such as 'mse', or another kind of column."
            )


LEARNED = {"center", "spread", "shift", "scale", "low", "high", "still"}
"""What is learned of each column."""


def refuse_the_infinite(values: NDArray[np.float64], names: tuple[str, ...]) -> None:
    """Refuse numbers that no sum of squares survives; NaN means missing."""
    wrong = np.abs(values) > LARGEST
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        raise DataError(
            f"Input X contains infinity or a value too large: column "
            f"{names[column]!r} holds {values[row, column]} in row {row}. "
            f"Values must lie between -1e150 and 1e150."
        )


def _width(
    values: NDArray[np.float64], counts: NDArray[np.int64], floor: float
) -> tuple[float, float] | None:
    """The first range of `LADDER` that is not empty, as a standard deviation.

    And the smallest scale that keeps it within `FAR`, if it is not the first.
    """
    for tail, width in LADDER:
        low, high = quantiles(values, counts, (tail, 1 - tail))
        if high - low > max(floor * max(abs(low), abs(high)), SMALLEST):
            return float(high - low) / width, width / FAR * (tail < LADDER[0][0])
    return None


def _tail(u: NDArray[np.float64], knee: float) -> NDArray[np.float64]:
    """u up to the knee, beyond it knee + log(1 + |u| - knee) with the sign of u."""
    beyond = np.abs(u) > knee
    if not beyond.any():
        return u
    far = np.abs(u[beyond]) - knee
    bent = u.copy()
    bent[beyond] = np.sign(u[beyond]) * (knee + np.log1p(far))
    return bent


def _tail_inverse(y: NDArray[np.float64], knee: float) -> NDArray[np.float64]:
    beyond = np.abs(y) > knee
    if not beyond.any():
        return y
    far = np.minimum(np.abs(y[beyond]) - knee, 345.0)  # exp stays below LARGEST
    u = y.copy()
    u[beyond] = np.sign(y[beyond]) * (knee + np.expm1(far))
    return u
