"""A fitted autoencoder and its judge: rows of a table in, scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.estimator.rows import read_rows
from isthmus.scores.calibration import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.estimator import Autoencoder
    from isthmus.estimator.judge import Judge, PlainJudge
    from isthmus.estimator.rows import Read
    from isthmus.scores.calibration import Source
    from isthmus.trace import Batch

CELLS = 10_000
"""Calibration rows, at most, whose cells are kept as quantiles."""


class Scorer(NamedTuple):
    """Scores are higher for what is more normal."""

    autoencoder: Autoencoder
    judge: Judge | PlainJudge

    def batch(self, X: Any) -> Batch:
        """Rows of a table as entries."""
        rows, _ = read_rows(self.autoencoder, X, reset=False)
        return self.autoencoder._converter.encode(rows)  # noqa: SLF001

    def scores(self, batch: Batch) -> NDArray[np.float64]:
        """(n,)."""
        found: NDArray[np.float64] = -self.judge.rows(batch).numpy()
        return found

    def scores_of(self, X: Any) -> NDArray[np.float64]:
        """The same of the rows of a table."""
        return self.scores(self.batch(X))

    def contributions(self, batch: Batch) -> NDArray[np.float64]:
        """What each column contributes to the scores, (n, columns)."""
        cells = -self.judge.cells(batch).numpy().astype(np.float64)
        return self.autoencoder._converter.by_column(cells)  # noqa: SLF001

    def calibration(self, table: Read, source: Source) -> Calibration | None:
        """What rows of a table score, and what their cells contribute; None of none."""
        count = table.rows.height
        if not count:
            return None
        batch = some = self.batch(table)
        if count > CELLS:
            some = self.batch(table.take(np.linspace(0, count - 1, CELLS).astype(int)))
        return Calibration.of(source, self.scores(batch), self.contributions(some))
