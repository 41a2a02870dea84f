"""Why rows have their scores, in the terms of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isthmus.data.counts import OTHERS, CountTable
from isthmus.data.frames import Origin, like
from isthmus.data.pictures import close_pictures
from isthmus.data.pixels import Pixels
from isthmus.data.series import SeriesTable
from isthmus.data.sounds import Sounds
from isthmus.estimator.reading import read_rows
from isthmus.estimator.repairs import repairs
from isthmus.scores.reasons import Reason, reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from isthmus.data.counts import CountRows
    from isthmus.data.pictures import Pictures
    from isthmus.data.recordings import Recordings
    from isthmus.data.rows import Rows
    from isthmus.data.table import Table
    from isthmus.data.windows import Windows
    from isthmus.estimator.judge import AnyJudge
    from isthmus.estimator.preparation import Data
    from isthmus.scores.calibration import Tails


class Explanation(NamedTuple):
    """The score of each row, cell by cell; tables come in the container of the rows.

    Of images, (n, columns) is (n, height, width), with channels where there are any; of
    sound, a list of (channels, frames, bands), and cells are log powers.
    """

    contributions: Any
    """(n, columns): share of each cell in the score, the lowest speak loudest."""
    rest: NDArray[np.float64]
    """(n,): what no cell accounts for. Contributions and rest sum to the score."""
    actual: Any
    """(n, columns): the cells."""
    expected: Any
    """(n, columns): what the model rebuilds in their place."""
    actual_probability: Any = None
    """(n, columns): how probable the model held the cell; NaN but for categories."""
    expected_probability: Any = None
    """(n, columns): how probable it held what it rebuilt; NaN but for categories."""
    tail: Any = None
    """(n, columns): share of calibration rows whose cell contributes as little or less;
    None where no such rows are known."""
    mends: Any = None
    """(n, columns): by how much the score rises if this cell alone is what was expected
    (see `repairs`); NaN where that was not tried, None where nothing was."""
    names: tuple[str, ...] | None = None
    """(columns,): what is counted; None where the container has the names."""

    def top(self, most: int = 3) -> list[list[Reason]]:
        """Of each row, the cells to blame first (see `reasons`)."""
        return reasons(self, most)


def explain(
    estimator: Any,
    judge: AnyJudge,
    X: Any,
    tails: Tails | None = None,
    *,
    repair: bool = False,
) -> Explanation:
    """Take the scores that a judge gives to rows apart."""
    rows, origin = read_rows(estimator, X, reset=False)
    converter = estimator._converter  # noqa: SLF001
    data = converter.encode(rows)
    if isinstance(converter, Pixels):
        return _of_images(converter, judge, rows, data)
    if isinstance(converter, Sounds):
        return _of_sounds(converter, judge, rows, data)
    if isinstance(converter, CountTable):
        return _of_counts(converter, judge, rows, data, (origin, estimator._origin))  # noqa: SLF001
    folds = judge.folds(data)
    cells, found = judge.cells(data, folds), judge.expected(data, folds)
    scores, answers = -judge.rows(data, folds).numpy(), [cells, *found]
    entries, mean, *logs = (answer.numpy() for answer in answers)
    table: Table = converter
    if isinstance(converter, SeriesTable):
        table, steps, rows = converter.table, rows, rows.rows
        scores = converter.by_row(scores, steps)
        entries, mean, *logs = (
            converter.cells(answer, steps) for answer in (entries, mean, *logs)
        )
    batch, origins = table.encode(rows), (origin, estimator._origin)  # noqa: SLF001
    entries = -entries.astype(np.float64)
    rest = scores - entries.sum(axis=1)
    chances = np.full((2, len(mean), len(table.columns)), np.nan)
    chosen = [j for j, n in enumerate(table.names) if n in table.chosen]
    for chance, log in zip(chances, logs, strict=True):
        chance[:, chosen] = np.exp(table.by_column(log.astype(np.float64))[:, chosen])
    if batch.visible is not None:
        hidden = table.by_column(1.0 - batch.visible.numpy()) > 0
        chances[:, hidden] = np.nan
    sums = table.by_column(entries)
    figures = (sums, *chances) if tails is None else (sums, *chances, tails(sums))
    contributions, *others = (_figures(table, f, origins) for f in figures)
    as_they_are = like(origin, origin, table.as_they_are(rows))
    expected = give_back(table, mean, origins, rows)
    told = Explanation(contributions, rest, as_they_are, expected, *others)
    if not repair or isinstance(converter, SeriesTable):
        return told
    mends = repairs(estimator, judge, batch, mean, sums)
    return told._replace(mends=_figures(table, mends, origins))


def _of_images(
    converter: Pixels, judge: AnyJudge, rows: Pictures, data: Data
) -> Explanation:
    """Contributions and what was expected, pixel by pixel."""
    cells = -judge.cells(data).numpy()
    scores = converter.by_row(-judge.rows(data).numpy(), rows)
    parts = converter.by_image(cells, rows)
    return Explanation(
        contributions=close_pictures(parts, rows.holder._replace(of="array")),
        rest=scores - np.array([part.sum(dtype=np.float64) for part in parts]),
        actual=close_pictures(list(rows.images), rows.holder),
        expected=converter.back(judge.expected(data).mean.numpy(), rows),
    )


def _of_counts(
    converter: CountTable,
    judge: AnyJudge,
    rows: CountRows,
    data: Data,
    origins: tuple[Origin, Origin],
) -> Explanation:
    """Contributions and what was expected, count by count."""
    cells = -judge.cells(data).numpy().astype(np.float64)
    scores, names = -judge.rows(data).numpy(), converter.names
    mean = converter.expected(judge.expected(data).mean.numpy(), rows)
    actual = rows.matrix.toarray()
    if judge.per_word:
        scores, names = converter.per_word(scores, rows), (*names, OTHERS)
        cells, actual, mean = converter.with_others(cells, actual, mean, rows)
    return Explanation(
        contributions=counts(names, cells, origins),
        rest=scores - cells.sum(axis=1),
        actual=counts(names, actual, origins),
        expected=counts(names, mean, origins),
        names=names,
    )


def counts(
    names: Sequence[str], figures: NDArray[Any], origins: tuple[Origin, Origin]
) -> Any:
    """Figures (n, columns) of counts in the container of the first origin."""
    if origins[0].backend is None:
        return figures
    named = dict(zip(names, figures.T, strict=True))
    return like(origins[0], origins[1]._replace(dtypes=None), named)


def _of_sounds(
    converter: Sounds, judge: AnyJudge, rows: Recordings, data: Windows
) -> Explanation:
    """Contributions and what was expected, frame by frame and band by band."""
    cells = -judge.cells(data).numpy().astype(np.float64)
    scores = converter.by_row(-judge.rows(data).numpy(), rows)
    parts = [p / p[..., 0].size for p in converter.by_recording(cells, rows)]
    actual, expected = (
        converter.by_recording(converter.features(entries), rows)
        for entries in (data.x.numpy(), judge.expected(data).mean.numpy())
    )
    rest = scores - np.array([part.sum() for part in parts])
    return Explanation(parts, rest, actual, expected)


def give_back(
    table: Table,
    x: NDArray[np.float32],
    origins: tuple[Origin, Origin],
    rows: Rows | None = None,
) -> Any:
    """Entries (n, E) in the container of the first origin."""
    if origins[0].backend is None and (numbers := table.numbers(x)) is not None:
        return numbers
    return like(*origins, table.decode(x, rows))


def _figures(
    table: Table, figures: NDArray[np.float64], origins: tuple[Origin, Origin]
) -> Any:
    """Figures (n, columns) in the container of the rows."""
    columns = {name: figures[:, j] for j, name in enumerate(table.names)}
    plain = origins[1]._replace(dtypes=None)
    return like(origins[0], plain, columns)
