"""What a model that learned from made rows knows of real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
from sklearn.ensemble import HistGradientBoostingRegressor as Regressor
from sklearn.metrics import f1_score, r2_score

from isthmus.generation.fidelity import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.generation.fidelity import Cells

LEVELS = 255
"""Levels that gradient boosting takes apart; of more, the rarer ones are one."""


class Utility(NamedTuple):
    """How well gradient boosting predicts a column of real rows it has not seen."""

    column: str
    metric: str
    """``r2`` of a number; of a category ``f1``, the mean over its levels."""
    real: float
    """Where it has learned from real rows."""
    made: float
    """Where it has learned from made rows."""


def utility(
    column: str, train: Cells, made: Cells, test: Cells, trees: int = 100
) -> Utility | None:
    """Train on real rows or on made ones, and test on real ones.

    None where it cannot be told: the column is nearly always the same, or missing.
    """
    known = [_known(cells, column) for cells in (train, made, test)]
    number = is_number(train[column])
    if min(map(len, known)) < 2 or len(set(train[column][known[0]].tolist())) < 2:
        return None
    if not number and len(set(made[column][known[1]].tolist())) < 2:
        return None
    inputs, categories = _inputs(column, train, (train, made, test))
    kind: Any = Regressor if number else Classifier
    scores = []
    for j, cells in enumerate((train, made)):
        model = kind(max_iter=trees, categorical_features=categories, random_state=0)
        model.fit(inputs[j][known[j]], _target(cells, column)[known[j]])
        found = model.predict(inputs[2][known[2]])
        truth = _target(test, column)[known[2]]
        scores.append(
            r2_score(truth, found)
            if number
            else f1_score(truth, found, average="macro", zero_division=0)
        )
    return Utility(column, "r2" if number else "f1", *map(float, scores))


def _inputs(
    column: str, train: Cells, tables: tuple[Cells, ...]
) -> tuple[list[NDArray[np.float64]], list[bool]]:
    """The other columns as numbers, and which of them are categories."""
    names = [name for name in train if name != column]
    categories = [not is_number(train[name]) for name in names]
    places = {
        name: _places(train[name])
        for name, is_category in zip(names, categories, strict=True)
        if is_category
    }
    found = []
    for cells in tables:
        columns = [
            np.array([places[n].get(v, np.nan) for v in cells[n]])
            if n in places
            else cells[n]
            for n in names
        ]
        found.append(np.column_stack([np.zeros((len(cells[column]), 0)), *columns]))
    return found, categories


def _places(cells: NDArray[Any]) -> dict[Any, int]:
    """Numbers of the levels of a column, the most frequent first."""
    levels, counts = np.unique(
        [str(c) for c in cells if c is not None], return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    return {str(levels[i]): min(j, LEVELS - 1) for j, i in enumerate(order)}


def _target(cells: Cells, column: str) -> NDArray[Any]:
    values = cells[column]
    return values if is_number(values) else np.array([str(v) for v in values])


def _known(cells: Cells, column: str) -> NDArray[np.int64]:
    values = cells[column]
    if is_number(values):
        return np.flatnonzero(~np.isnan(values))
    return np.flatnonzero([v is not None for v in values])
