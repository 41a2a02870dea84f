"""The cells of a table in one common form, in which answers of any recipe compare."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from isthmus.data.categories import Categories
from isthmus.data.learner import TableLearner
from isthmus.data.times import Times
from isthmus.estimator.wishes import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.rows import Rows
    from isthmus.data.table import Table

    Floats = NDArray[np.float64]

DEAR = 9.0
"""What a cell costs at most: as a number that is three standard deviations off."""


class Cells:
    """Cells as numbers: standardised, categories one-hot, each column weighed alike.

    An entry is (x - mean) / sqrt(guess), where ``guess`` is the mean squared error of
    the mean, summed over the entries of the column: the squared error of a cell is
    then 1, on average, for one who only guesses. That of a category is its Brier score
    (1950) as a multiple of that of its shares. Missing cells are 0.
    """

    def __init__(self, rows: Rows, wishes: Any) -> None:
        columns = columns_of(wishes).changed(weights={})
        learner = TableLearner(rows.columns, "real", columns)
        self.table: Table = learner.update(rows).finish()
        x, seen = self._encoded(rows)
        self.mean = (x * seen).sum(0) / np.maximum(seen.sum(0), 1)
        squares = np.square(x - self.mean) * seen
        self.names: list[str] = []
        self.scale = np.ones(x.shape[1])
        for name, place in self.table.places.items():
            guess = squares[:, place].sum() / max(seen[:, place][:, 0].sum(), 1)
            if guess > 1e-12:  # a constant is no question
                self.names.append(name)
                self.scale[place] = np.sqrt(guess)
        self.x, self.seen = self._scaled(x, seen)

    def on(self, rows: Rows) -> Self:
        """Cells of other rows in the same form."""
        made = copy.copy(self)
        made.x, made.seen = self._scaled(*self._encoded(rows))
        return made

    def _encoded(self, rows: Rows) -> tuple[Floats, Floats]:
        """Entries (n, E), and 1 where one is there."""
        batch = self.table.encode(rows)
        x = batch.x.numpy().astype(np.float64)
        if batch.visible is None:
            return x, np.ones_like(x)
        return x, batch.visible.numpy().astype(np.float64)

    def _scaled(self, x: Floats, seen: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Entries, and which of the columns (n, columns) are there."""
        starts = [self.table.places[name].start for name in self.names]
        return (x - self.mean) / self.scale * seen, seen[:, starts] > 0

    def errors(self, rows: Any, answers: Floats) -> Floats:
        """Errors of answers (n, entries) to the cells of some rows, (n, columns)."""
        squares = np.square(self.x[rows] - answers)
        places = [self.table.places[name] for name in self.names]
        found = [squares[:, place].sum(1) for place in places]
        return np.asarray(np.minimum(np.stack(found, 1), DEAR))

    def brought(self, table: Table, entries: NDArray[np.float32]) -> Floats:
        """Expected entries of another converter of the same columns, as cells here."""
        pieces = dict(_pieces(table, entries))
        given = {name: part for part in table.parts for name in part.names}
        cells: dict[str, Floats] = {}
        for part, run in ((p, pieces[p.names[0]]) for p in table.parts):
            if not isinstance(part, Categories):
                decoded = part.decode(run)
                many = decoded[:, None] if decoded.ndim == 1 else decoded
                cells |= {name: many[:, j] for j, name in enumerate(part.names)}
        found = []
        for part in self.table.parts:
            name = part.names[0]
            same = _alike(given[name], part)
            if same or isinstance(part, Categories):
                found.append(pieces[name])
            elif isinstance(part, Times):
                found.append(part.encode(cells[name]))
            else:
                found.append(part.encode(np.stack([cells[n] for n in part.names], 1)))
        y = np.concatenate(found, axis=1).astype(np.float64)
        result: Floats = (y - self.mean) / self.scale
        return result


def _alike(one: Any, other: Any) -> bool:
    """Whether two parts make the same entries of the same columns."""
    return type(one) is type(other) and one.to_dict() == other.to_dict()


def _pieces(table: Table, entries: NDArray[np.float32]) -> Any:
    """The expected entries of each part: of a view, with categories one-hot."""
    start = 0
    for part in table.parts:
        if isinstance(part, Categories) and not part.one_hot:
            most, digits = max(part.bases), []
            for base in part.bases:
                digits.append(entries[:, start : start + base])
                start += most
            yield part.name, np.concatenate(digits, axis=1)
        else:
            stop = start + part.field.shape[0]
            run = entries[:, start:stop]
            yield part.names[0], np.expm1(run) if part.field.content == "count" else run
            start = stop
