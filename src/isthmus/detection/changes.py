"""The smallest change of cells that makes a row normal."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from isthmus.data.frames import like
from isthmus.data.table import Table
from isthmus.errors import DataError
from isthmus.estimator.reading import read_rows
from isthmus.estimator.repairs import as_cells, visible
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from isthmus.estimator.judge import Judge, PlainJudge


class Changes(NamedTuple):
    """What would make rows normal, in the container of the rows."""

    changed: Any
    """(n, columns): whether a cell is changed."""
    table: Any
    """(n, columns): the rows after the change."""
    normal: NDArray[np.bool_]
    """(n,): whether the change makes the row normal; some need more cells."""


def changes(
    estimator: Any, judge: Judge | PlainJudge, X: Any, offset: float, most: int
) -> Changes:
    """Change cells of rows below ``offset``, ``most`` of them at most."""
    table = estimator._converter  # noqa: SLF001
    if not isinstance(table, Table):
        raise DataError(
            "Cells are changed in rows of a table. Of images and series, explain(X) "
            "says what was expected."
        )
    rows, origin = read_rows(estimator, X, reset=False)
    fitting = functools.partial(as_cells, estimator)
    search = _Search(table, judge, table.encode(rows), offset, fitting)
    search.forward(min(most, len(table.places)))
    search.backward()
    changed = search.changed
    columns = {name: changed[:, j] for j, name in enumerate(table.names)}
    fitted = estimator._origin  # noqa: SLF001
    plain = fitted._replace(dtypes=None)
    before = table.as_they_are(rows)
    after = table.decode(search.batch.x.numpy(), rows)
    mixed = {
        name: pc.if_else(
            pa.array(columns[name]), pa.array(after[name]), pa.array(cells)
        )
        if columns[name].any()
        else cells
        for name, cells in before.items()
    }
    frame = origin.backend is not None
    return Changes(
        like(origin, plain, columns) if frame else changed,
        like(origin, fitted, mixed),
        search.normal(),
    )


class _Search:
    """Rows on their way; each is judged by the replica that judged it unchanged.

    ``as_cells`` makes of entries those of the cells that they stand for: a chance of
    0.7 becomes a yes, and 12.3 rooms become 12.
    """

    def __init__(
        self,
        table: Table,
        judge: Judge | PlainJudge,
        batch: Batch,
        offset: float,
        as_cells: Callable[[NDArray[np.float32]], Batch],
    ) -> None:
        self.table, self.judge, self.offset = table, judge, offset
        self.as_cells = as_cells
        self.folds = judge.folds(batch)
        self.before = Batch(batch.x, visible(batch))
        self.batch = Batch(batch.x.clone(), visible(batch).clone())
        self.changed = np.zeros((len(batch), len(table.columns)), dtype=bool)

    def normal(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """Which of the rows reach the offset."""
        rows = np.arange(len(self.batch)) if rows is None else rows
        found = self.judge.rows(*self._of(rows)).numpy()
        return np.asarray(-found >= self.offset)

    def forward(self, most: int) -> None:
        """Set the oddest cell that is not tried yet to what is expected of it."""
        tried, going = np.zeros_like(self.changed), np.ones(len(self.batch), dtype=bool)
        while True:
            going &= self.changed.sum(axis=1) < most
            odd = np.flatnonzero(going)
            odd = odd[~self.normal(odd)] if len(odd) else odd
            if not len(odd):
                return
            entries = self.judge.cells(*self._of(odd)).numpy().astype(np.float64)
            cells = self.table.by_column(entries)
            cells[tried[odd]] = -np.inf
            mean = self.as_cells(self.judge.expected(*self._of(odd)).mean.numpy())
            for i, (row, j) in enumerate(zip(odd, cells.argmax(axis=1), strict=True)):
                place = self.table.places.get(self.table.names[j])
                going[row] = place is not None and cells[i, j] > 0
                if place is not None and going[row]:
                    tried[row, j] = True
                    self._set(int(row), place, mean, i)
                    self.changed[row, j] = self._differs(int(row), place)

    def backward(self) -> None:
        """Take back each change without which a row is normal still."""
        while self._spared():
            pass

    def _spared(self) -> bool:
        """Whether there was such a change, column by column; it is taken back."""
        any_spared = False
        for j, name in enumerate(self.table.names):
            rows = np.flatnonzero(self.changed[:, j] & (self.changed.sum(axis=1) > 1))
            rows = rows[self.normal(rows)] if len(rows) else rows
            if not len(rows):
                continue
            place, kept = self.table.places[name], self._of(rows)[0]
            for row in rows:
                self._set(int(row), place, self.before, int(row))
            spared = self.normal(rows)
            self.changed[rows[spared], j] = False
            any_spared |= bool(spared.any())
            for i in np.flatnonzero(~spared):
                self._set(int(rows[i]), place, kept, int(i))
        return any_spared

    def _differs(self, row: int, place: slice) -> bool:
        """Whether entries are other than they were."""
        now, then = self.batch, self.before
        pairs = (now.x, then.x), (visible(now), visible(then))
        return any(not torch.equal(a[row, place], b[row, place]) for a, b in pairs)

    def _of(self, rows: NDArray[np.int64]) -> tuple[Batch, NDArray[np.int64]]:
        return self.batch.rows(torch.from_numpy(rows)), self.folds[rows]

    def _set(self, row: int, place: slice, source: Batch, i: int) -> None:
        """Take over some entries of row ``i`` of another batch."""
        self.batch.x[row, place] = source.x[i, place]
        visible(self.batch)[row, place] = visible(source)[i, place]
