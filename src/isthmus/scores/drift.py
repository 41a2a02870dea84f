"""Are new rows still like those that scores were calibrated on?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from isthmus.scores.conformal import false_alarms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isthmus.scores.calibration import Calibration, Tails


class Shift(NamedTuple):
    """How far figures lie from what they were."""

    name: str
    distance: float
    """Largest difference of the two distribution functions (Kolmogorov, 1933; Smirnov,
    1939); above 0 where new figures are lower, so the rows odder."""
    p_value: float
    """How often exchangeable rows lie as far apart; that of a column is multiplied by
    the number of columns."""


class Drift(NamedTuple):
    """What has changed since calibration, as numbers and, by ``str``, in words.

    There are three verdicts: on the scores, the threshold and the columns. Where
    nothing has changed, each of them is wrong with probability ``level`` at most.
    """

    level: float
    rows: int
    calibration_rows: int
    scores: Shift
    """Its distance is that of the p-values from uniform ones, up to 1 / (n + 1)."""
    median: float
    """Of the scores."""
    calibration_median: float
    alarms: int
    """How many rows fall below the threshold."""
    expected: float
    """How many would, on average, if nothing had changed."""
    most: int
    """So many are exceeded with probability ``level`` at most, if nothing had."""
    columns: tuple[Shift, ...]
    """Contributions column by column, those farthest from what they were first."""

    @property
    def drifted(self) -> bool:
        """Whether scores come from another distribution than those of calibration."""
        return self.scores.p_value <= self.level

    @property
    def threshold_holds(self) -> bool:
        """Whether no more rows are flagged than chance explains."""
        return self.alarms <= self.most

    @property
    def drifted_columns(self) -> tuple[str, ...]:
        """Columns that contribute otherwise than they did."""
        return tuple(c.name for c in self.columns if c.p_value <= self.level)

    def __str__(self) -> str:
        moved = [c for c in self.columns if c.p_value <= self.level]
        holds = "holds" if self.threshold_holds else "no longer holds"
        return (
            f"Rows: {self.rows:,}, beside {self.calibration_rows:,} of calibration. "
            f"Each verdict is wrong in {self.level:.3g} of the cases where nothing has "
            f"changed.\n{self._on_scores()}\nThreshold: {holds}. Rows flagged: "
            f"{self.alarms:,}, where {self.expected:,.3g} are expected and up to "
            f"{self.most:,} would be chance.\nColumns: "
            f"{'; '.join(map(_told, moved)) or 'none has changed'}."
        )

    def _on_scores(self) -> str:
        said = "as they were"
        if self.drifted:
            said = "lower, so the rows are odder than they were"
            said = said if self.scores.distance > 0 else "not distributed as they were"
        return (
            f"Scores: {said}. Distance {abs(self.scores.distance):.3g} (p = "
            f"{self.scores.p_value:.2g}); median {self.median:.4g}, "
            f"was {self.calibration_median:.4g}."
        )


def drift(
    known: Calibration,
    scores: NDArray[np.float64],
    contributions: NDArray[np.float64],
    names: Sequence[str],
    *,
    offset: float,
    level: float,
) -> Drift:
    """Compare scores (m,) and contributions (m, columns) with those of calibration."""
    m, n = len(scores), known.rows
    below = int(np.searchsorted(known.scores, offset))
    law = false_alarms(min(below + 1, n), n, m)  # of the next score not below it
    distances = _distances(known.tails, contributions)
    chances = len(names) * _chance(distances, m, known.tails.rows)
    columns = map(Shift, names, distances.tolist(), chances.clip(0, 1).tolist())
    distance = _distance(scores, known.scores)
    return Drift(
        level=level,
        rows=m,
        calibration_rows=n,
        scores=Shift("score", distance, float(_chance(distance, m, n))),
        median=float(np.median(scores)),
        calibration_median=float(np.median(known.scores)),
        alarms=int((scores < offset).sum()),
        expected=float(law.mean()),
        most=int(law.ppf(1 - level)),
        columns=tuple(sorted(columns, key=lambda shift: -abs(shift.distance))),
    )


def _distance(new: NDArray[np.float64], known: NDArray[np.float64]) -> float:
    """F_new - F_known where it is farthest from 0; ``known`` ascends."""
    at = np.concatenate([new, known])
    shares = np.searchsorted(np.sort(new), at, side="right") / len(new)
    shares -= np.searchsorted(known, at, side="right") / len(known)
    return float(shares[np.abs(shares).argmax()])


def _distances(tails: Tails, new: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of each column, just below the quantiles that are known, (columns,)."""
    pairs = zip(np.sort(new, axis=0).T, tails.values.T, strict=True)
    shares = [np.searchsorted(cells, values) / len(new) for cells, values in pairs]
    gaps = np.stack(shares, axis=1) - tails.below / tails.rows
    farthest = np.abs(gaps).argmax(axis=0)[np.newaxis]
    return np.asarray(np.take_along_axis(gaps, farthest, axis=0)[0])


def _chance(
    distance: float | NDArray[np.float64], m: int, n: int
) -> NDArray[np.float64]:
    """Two-sample law of the distance, for many rows; for few it says too much.

    Two samples, for the calibration rows are a sample as well: against the uniform
    law, p-values would look changed too often.
    """
    return np.asarray(stats.kstwobign.sf(np.sqrt(m * n / (m + n)) * np.abs(distance)))


def _told(shift: Shift) -> str:
    way = "worse" if shift.distance > 0 else "otherwise"
    return f"{shift.name} fits {way} (distance {abs(shift.distance):.3g})"
