"""What is searched for: rows, what they are judged by, and how they are divided."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from isthmus.artifacts.recipes import assemble
from isthmus.data.rows import Rows
from isthmus.errors import DataError, RecipeError
from isthmus.estimator import Autoencoder
from isthmus.estimator.reading import read_rows
from isthmus.estimator.streams import in_memory
from isthmus.tuning.answers import METRICS, SOME
from isthmus.tuning.cells import Cells
from isthmus.tuning.folds import folds_for, splits_of, trained
from isthmus.tuning.objectives import HiddenCells, Objective, Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from isthmus.estimator.tables import Read
    from isthmus.tuning.folds import Split

    Layers = Sequence[Mapping[str, Any]]
    Floats = NDArray[np.float64]

SIZES = 2, 4, 8, 16, 32, 64
"""Numbers of principal components that are put beside."""

AUTOENCODER = "autoencoder"
"""The task that needs no labels."""

FEWEST = 20
"""Rows below which nothing can be held out."""


class Judged(NamedTuple):
    """How a recipe did on rows that it had not learned."""

    errors: list[Floats]
    """Of each row of each split; NaN where there is nothing to judge."""
    size: int
    seconds: float

    @property
    def error(self) -> float:
        """Mean over all rows."""
        return float(np.nanmean(np.concatenate(self.errors)))

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return standard_error(self.errors)


@dataclass(frozen=True)
class Problem:
    """Everything that decides how good a recipe is; the same in every process."""

    read: Read
    fixed: dict[str, Any]
    """What is said of recipes beforehand."""
    objective: Objective
    splits: list[Split]
    """By which the search goes."""
    fresh: list[Split]
    """By which the best of it are judged anew."""
    random_state: int

    @property
    def cells(self) -> Cells:
        """The rows as cells that compare."""
        return self.objective.cells

    def model(self, layers: Layers) -> Any:
        """The unfitted estimator of a recipe."""
        said = {"random_state": self.random_state}
        made = assemble(said, *layers)
        return made.set_params(verbose=0)

    def judge(self, layers: Layers, splits: list[Split]) -> Judged:
        """Train a recipe on splits, as `fit` trains it, and judge it."""
        started, model = time.perf_counter(), self.model(layers)
        learned = self.objective.learned(model, self.read, splits)
        return self._judged(model, learned, splits, time.perf_counter() - started)

    def judge_together(
        self,
        recipes: Sequence[Layers],
        hear: Callable[[int, float, int], None],
        share: float,
    ) -> list[Judged]:
        """Train recipes of one shape for a ``share`` of their steps, and judge them.

        On the way ``hear`` is told of each, by its number, the error on the first
        split, and the round. Those that do not stack are trained whole, in turn.
        """
        if not self.objective.stacks:
            return [self.judge(layers, self.splits) for layers in recipes]
        started, models = time.perf_counter(), [self.model(one) for one in recipes]

        def told(k: int, module: Any, number: int) -> None:
            if number % EVERY == 0:
                errors = self.objective.errors(models[k], module, self.splits[0])
                hear(k, float(np.nanmean(errors)), number)

        sets = trained(models, self.read, self.splits, told, share)
        seconds = (time.perf_counter() - started) / len(models)
        return [
            self._judged(model, modules, self.splits, seconds)
            for model, modules in zip(models, sets, strict=True)
        ]

    def _judged(
        self, model: Any, learned: Sequence[Any], splits: list[Split], seconds: float
    ) -> Judged:
        pairs = zip(learned, splits, strict=True)
        found = [self.objective.errors(model, *pair) for pair in pairs]
        return Judged(found, self.objective.size(learned[0]), seconds)

    def sizes(self, wanted: Sequence[int] = ()) -> list[int]:
        """Numbers of components to look at: powers of two, and those wanted."""
        most = self.cells.x.shape[1]
        every = {*wanted, *SIZES, min(most, SIZES[-1])}
        return sorted(size for size in every if size <= most)

    def pca(self, size: int, splits: list[Split]) -> Judged:
        """As many principal components, judged in the same way."""
        started = time.perf_counter()
        found = [self.objective.pca(size, split) for split in splits]
        return Judged(found, size, time.perf_counter() - started)


EVERY = 8
"""Rounds of training, of 40, after which a trial is looked at."""


def problem_of(
    X: Any,
    y: Any,
    fixed: Mapping[str, Any],
    *,
    folds: int | None,
    rows: int,
    random_state: int,
) -> Problem:
    """Read a table, or some rows of it by lot, and divide it."""
    base = assemble(fixed)
    plain = Autoencoder(columns=base.columns, kind=base.kind)
    read = read_rows(plain, in_memory(X), reset=True, least=2)
    if not isinstance(read.rows, Rows):
        raise DataError(
            "A search takes tables, and these are none. kind='table' says that they "
            "are, in the terminal --kind table."
        )
    count, labels = read.rows.height, None if y is None else np.asarray(y)
    if count < FEWEST:
        raise DataError(f"A search needs {FEWEST} rows or more. Got {count}.")
    if labels is not None and labels.shape != (count,):
        raise DataError(f"y must hold a label for each row, ({count},).")
    if count > rows:
        order = np.random.default_rng(random_state).permutation(count)
        picked = np.sort(order[:rows])
        read, count = read.take(picked), rows
        labels = None if labels is None else labels[picked]
    task, cells = fixed.get("task", AUTOENCODER), Cells(read.rows, plain)
    objective = _objective(task, labels, cells, read, random_state)
    folds = folds_for(count) if folds is None else folds
    return Problem(
        read,
        dict(fixed),
        objective,
        splits_of(count, folds, random_state, objective.classes),
        splits_of(count, max(folds, 2), random_state + 1, objective.classes),
        random_state,
    )


def _objective(
    task: str, labels: Any, cells: Cells, read: Read, seed: int
) -> Objective:
    """What recipes of a task are judged by."""
    gaps = labels is not None and pa.array(labels, from_pandas=True).null_count
    if gaps and task not in SOME:
        raise DataError("Some rows have no label. Leave these rows out, or the labels.")
    if task in METRICS and labels is not None:
        return METRICS[task](labels, cells, read)
    if task != AUTOENCODER:
        raise RecipeError(
            f"A search is for the recipe of an autoencoder or, with labels, of the "
            f"task {', '.join(METRICS)}. Leave {task} out, and give it what is found."
        )
    return HiddenCells(cells, seed) if labels is None else Probe(labels, cells)


def standard_error(errors: list[Floats]) -> float:
    """Of the mean of errors: by their spread over rows, or over splits if larger."""
    rows = np.concatenate(errors)
    rows = rows[~np.isnan(rows)]
    found = rows.std(ddof=1) / np.sqrt(len(rows))
    if len(errors) > 1:
        means = [np.nanmean(part) for part in errors]
        found = max(found, np.std(means, ddof=1) / np.sqrt(len(means)))
    return float(found)
