"""A fitted autoencoder and its judge: rows in, scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.counts import CountTable
from isthmus.data.series import SeriesTable
from isthmus.data.sounds import Sounds
from isthmus.data.table import Table
from isthmus.estimator.joined import by_row
from isthmus.estimator.reading import read_rows
from isthmus.scores.calibration import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.estimator import Autoencoder
    from isthmus.estimator.judge import AnyJudge
    from isthmus.estimator.preparation import Data
    from isthmus.estimator.tables import Read
    from isthmus.scores.calibration import Source

CELLS = 10_000
"""Calibration rows, at most, whose cells are kept as quantiles."""


class Opened(NamedTuple):
    """Rows as they were read, and as entries."""

    rows: Any
    data: Data

    def __len__(self) -> int:
        """Return the number of rows, images or times."""
        return int(self.rows.height)


class Scorer(NamedTuple):
    """Scores are higher for what is more normal."""

    autoencoder: Autoencoder
    judge: AnyJudge

    @property
    def names(self) -> list[str]:
        """Of the columns of a table or series, or the channels of images."""
        return list(self.autoencoder._converter.names)  # noqa: SLF001

    def opened(self, X: Any) -> Opened:
        """Rows and their entries."""
        rows, _ = read_rows(self.autoencoder, X, reset=False)
        return Opened(rows, self.autoencoder._converter.encode(rows))  # noqa: SLF001

    def scores(self, opened: Opened) -> NDArray[np.float64]:
        """(n,): one per row of a table, image, or time of a series."""
        found: NDArray[np.float64] = -self.judge.rows(opened.data).numpy()
        converter = self.autoencoder._converter  # noqa: SLF001
        if self.judge.per_word and isinstance(converter, CountTable):
            return converter.per_word(found, opened.rows)
        return by_row(converter, found, opened.rows)

    def scores_of(self, X: Any) -> NDArray[np.float64]:
        """The same of what is not opened yet."""
        return self.scores(self.opened(X))

    def contributions(self, opened: Opened) -> NDArray[np.float64]:
        """What each column, or channel, contributes to the scores, (n, columns)."""
        converter = self.autoencoder._converter  # noqa: SLF001
        cells = -self.judge.cells(opened.data).numpy().astype(np.float64)
        if isinstance(converter, CountTable):
            words = converter.words(opened.rows)[:, None] if self.judge.per_word else 1
            return np.asarray(cells / words)
        if isinstance(converter, Table):
            return converter.by_column(cells)
        if isinstance(converter, SeriesTable):
            return converter.by_column(cells, opened.rows)
        if isinstance(converter, Sounds):
            return converter.by_row(cells, opened.rows)
        images = converter.by_image(cells, opened.rows)
        return np.stack([image.sum(axis=(0, 1)) for image in images])

    def calibration(
        self, table: Read, source: Source, picked: NDArray[np.int64] | None = None
    ) -> Calibration | None:
        """What rows score, and what their cells contribute; None of none.

        Where only some are ``picked``, they keep the company of the others, as the rows
        of a series must.
        """
        if picked is None:
            picked = np.arange(table.rows.height)
        if not len(picked):
            return None
        opened = self.opened(table)
        cells = self.contributions(opened)[picked]
        if len(picked) > CELLS:
            cells = cells[np.linspace(0, len(picked) - 1, CELLS).astype(int)]
        return Calibration.of(source, self.scores(opened)[picked], cells)
