"""Users whose held-out interactions choose among models."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from isthmus.errors import RecipeError, unknown
from isthmus.recommendation.metrics import NAMES, figures
from isthmus.recommendation.ranking import first, ranked
from isthmus.recommendation.recency import recent

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from isthmus.recommendation.splits import Known

MOST = 5000
"""How many users choose, at most."""


class Judges(NamedTuple):
    """Held-out interactions, and the figure by which they judge: ``ndcg@10``."""

    kept: csr_matrix
    out: csr_matrix
    measure: str
    times: csr_matrix | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to judge by."""
        return bool(self.out.nnz)

    def at(self, recency: float) -> Judges:
        """The same, given what is recent rather than what is long ago."""
        return self._replace(kept=recent(self.kept, self.times, recency))

    def of(self, scores: Callable[[csr_matrix], NDArray[np.float32]]) -> float:
        """The figure of a model."""
        best = ranked(scores, self.kept, length(self.measure), self.kept)
        return self._figure(best.items)

    def of_table(self, scores: NDArray[np.float32]) -> float:
        """The figure of scores that are there, (users, items)."""
        return self._figure(first(scores, length(self.measure), self.kept).items)

    def _figure(self, items: NDArray[np.int64]) -> float:
        return figures(items, self.out, length(self.measure))[self.measure]


def judges(known: Known, measure: str) -> Judges:
    """Some users who have interactions that were held out."""
    length(measure)
    kept, out, times = known.some(MOST)
    return Judges(kept, out, measure, times)


def length(measure: str) -> int:
    """The k of ``name@k``."""
    name, _, k = measure.partition("@")
    if name not in NAMES:
        raise RecipeError(unknown("measure", name, NAMES))
    if not k.isdecimal() or not int(k):
        raise RecipeError(f"measure must be such as 'ndcg@10'. Got {measure!r}.")
    return int(k)
