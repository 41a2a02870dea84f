"""Scores of rows as they come, equal to those of the whole series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from isthmus.data.rows import Rows
from isthmus.data.steps import Steps, steps_of
from isthmus.errors import DataError
from isthmus.estimator.reading import read_rows
from isthmus.estimator.rolling import SeriesJudge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.detection.scorer import Scorer


class Following:
    """The last rows of every series, as many as the windows of the next ones need."""

    def __init__(self, scorer: Scorer, window: int) -> None:
        self.scorer, self.window = scorer, window
        self.past: Steps | None = None

    def scores(self, X: Any) -> NDArray[np.float64]:
        """Scores of rows that come after all that came before, (n,)."""
        new = read_rows(self.scorer.autoencoder, X, reset=False)
        whole, old = new.rows, 0
        if self.past is not None:
            old, whole = self.past.height, _after(self.past, new.rows)
        found = self.scorer.scores_of(new._replace(rows=whole))
        self.past = whole.take(self._last(whole))
        return found[old:]

    def _last(self, steps: Steps) -> NDArray[np.int64]:
        """Places of the last rows of each series; one more tells the time since it."""
        stops = np.cumsum(steps.lengths)
        most = self.window + 1
        runs = [
            steps.order[max(stop - most, stop - n) : stop]
            for stop, n in zip(stops, steps.lengths, strict=True)
        ]
        return np.sort(np.concatenate(runs))


class Updated:
    """A detector of series that can be asked about rows as they come."""

    _scorer: Scorer
    _following: Following | None = None

    def update(self, X: Any, *, new: bool = False) -> NDArray[np.float64]:
        """Scores of rows that follow those of the calls before, (n,), of a series.

        They are those that `score_samples` gives to all rows at once. ``new`` begins
        another stream.
        """
        check_is_fitted(self)
        judge = self._scorer.judge
        if not isinstance(judge, SeriesJudge) or judge.ahead:
            raise DataError(
                "update needs a detector of series, fitted with kind='series' or "
                "Series(...) without look_ahead: scores that wait for no later rows."
            )
        if new or self._following is None:
            self._following = Following(self._scorer, judge.module.event[-1])
        return self._following.scores(X)


def _after(past: Steps, new: Steps) -> Steps:
    """Rows below one another; those of a series must be later than those before."""
    times = names = None
    if past.names is not None and new.names is not None:
        names = [*past.names, *new.names]
    if past.times is not None and new.times is not None:
        times = np.concatenate([past.times, new.times])
    whole = steps_of(Rows.joined(past.rows, new.rows), times, names)
    places = np.split(whole.order, np.cumsum(whole.lengths)[:-1])
    for rows in places:
        late = rows >= past.height
        if (np.diff(late.astype(np.int8)) < 0).any():
            row = int(rows[late].min() - past.height)
            raise DataError(
                f"Row {row}, counted from 0, is earlier than one of an update before. "
                f"Rows must come in the order of time; begin a new stream with "
                f"update(X, new=True)."
            )
    return whole
