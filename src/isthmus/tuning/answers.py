"""What estimators of a task are judged by: their answers, where labels are known."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.decomposition import PCA

from isthmus.errors import DataError, IsthmusWarning
from isthmus.pretraining.labels import classes_of, numbers_of
from isthmus.tuning.objectives import RARE, Objective, in_variances, joined, linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.estimator.tables import Read
    from isthmus.tuning.cells import Cells
    from isthmus.tuning.folds import Split

    Floats = NDArray[np.float64]


class Answers(Objective):
    """Of estimators that learn the first rows of a split, and answer for the second."""

    stacks = False

    def __init__(self, labels: Any, cells: Cells, read: Read) -> None:
        self.y, self.cells, self.read = np.asarray(labels), cells, read

    def learned(self, model: Any, read: Read, splits: list[Split]) -> list[Any]:
        """A fitted estimator for each split; detectors are shown no labels."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IsthmusWarning)
            return [
                clone(model).fit(read.take(train), self.y[train]) for train, _ in splits
            ]

    def size(self, learned: Any) -> int:
        """Entries of a code."""
        return int(learned.autoencoder_.recipe_.bottleneck.width)

    def _asked(self, method: Callable[[Read], Any], split: Split) -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IsthmusWarning)
            return np.asarray(method(self.read.take(split[1])))


class Detected(Answers):
    """Of each anomaly, how many of the normal rows look odder: in the mean 1 - ROC-AUC.

    Rows that are normal have no error of their own.
    """

    def __init__(self, labels: Any, cells: Cells, read: Read) -> None:
        super().__init__(labels, cells, read)
        kinds, counts = np.unique(self.y, return_counts=True)
        if len(kinds) != 2 or counts.min() < RARE:
            raise DataError(
                f"A detector is judged by two kinds of labels, of which the rarer "
                f"means an anomaly and occurs {RARE} times or more. Got {len(kinds)}, "
                f"{', '.join(map(str, np.sort(counts)[::-1][:3]))} times there."
            )
        anomaly = kinds[counts.argmin()]
        self.name = f"normal rows odder than an anomaly ({anomaly}), as a share"
        self.classes = self.y == anomaly

    def errors(self, model: Any, learned: Any, split: Split) -> Floats:
        """Shares of the normal rows among those held out."""
        del model
        oddness = -self._asked(learned.score_samples, split)
        return beaten(oddness, self.classes[split[1]])

    def pca(self, size: int, split: Split) -> Floats:
        """The same of the squared residual (Jackson and Mudholkar, 1979), if any."""
        train, test = split
        x = self.cells.x
        if size >= min(x[train].shape):
            return beaten(np.zeros(len(test)), self.classes[test])
        fitted = PCA(size, random_state=0).fit(x[train])
        left = x[test] - fitted.inverse_transform(fitted.transform(x[test]))
        return beaten(np.square(left).sum(1), self.classes[test])


class Predicted(Answers):
    """Labels that are told wrong, or their squared error in variances.

    Rows without a label are learned all the same, and are not asked about.
    """

    def __init__(self, labels: Any, cells: Cells, read: Read, *, numbers: bool) -> None:
        super().__init__(labels, cells, read)
        found = (numbers_of if numbers else classes_of)(read, labels)
        self.kinds, self.truth = found.classes, np.full(len(self.y), np.nan)
        self.truth[found.rows] = found.values
        self.name = "squared error of labels, in variances"
        if not numbers:
            self.name = "wrong labels, as a share"
            self.classes = joined(np.nan_to_num(self.truth, nan=-1), least=2)

    def errors(self, model: Any, learned: Any, split: Split) -> Floats:
        """NaN of rows without a label."""
        del model
        told = self._asked(learned.predict, split)
        if self.kinds is not None:
            told = np.searchsorted(self.kinds, told)
        return self._wrong(told, split)

    def pca(self, size: int, split: Split) -> Floats:
        """The same of a linear model on principal components."""
        train, test = split
        x, ours = self.cells.x, train[~np.isnan(self.truth[train])]
        fitted = PCA(min(size, *x[train].shape), random_state=0).fit(x[train])
        codes = fitted.transform(x[ours]), fitted.transform(x[test])
        numbers = self.kinds is None
        told = linear(codes[0], self.truth[ours], codes[1], numbers=numbers)
        return self._wrong(told, split)

    def _wrong(self, told: NDArray[Any], split: Split) -> Floats:
        train, truth = self.truth[split[0]], self.truth[split[1]]
        if self.kinds is None:
            return in_variances(told - truth, train[~np.isnan(train)])
        return np.where(np.isnan(truth), np.nan, told != truth)


def beaten(oddness: Floats, anomalous: NDArray[np.bool_]) -> Floats:
    """Of each anomaly the share of normal rows that are odder, ties by half; or NaN.

    The mean is 1 - ROC-AUC (Mann and Whitney, 1947).
    """
    found = np.full(len(oddness), np.nan)
    odd, normal = oddness[anomalous], oddness[~anomalous]
    above = rankdata(-oddness)[anomalous] - rankdata(-odd)
    found[anomalous] = above / max(len(normal), 1)
    return found


METRICS: dict[str, Callable[..., Objective]] = {
    "anomaly": Detected,
    "classifier": partial(Predicted, numbers=False),
    "regressor": partial(Predicted, numbers=True),
}
"""By the names of tasks that a search takes, if there are labels."""

SOME = {"classifier", "regressor"}
"""Tasks to which some labels are enough."""
