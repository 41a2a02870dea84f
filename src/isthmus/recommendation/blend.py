"""A linear and a deep model together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from isthmus.recommendation.deep import Deep
    from isthmus.recommendation.judges import Judges
    from isthmus.recommendation.linear import Linear

SHARES = tuple(np.linspace(0, 1, 21).tolist())
"""Shares of the deep model that are tried."""


class Blend(NamedTuple):
    """(1 - share) z(linear) + share z(deep); z standardises the scores of a user."""

    linear: Linear
    deep: Deep
    share: float

    def scores(self, rows: csr_matrix) -> NDArray[np.float32]:
        """Scores of all items for users, (users, items)."""
        return mixed(self.linear.scores(rows), self.deep.scores(rows), self.share)

    def codes(self, rows: csr_matrix) -> NDArray[np.float32]:
        """Codes of users in the deep model, (users, size)."""
        return self.deep.codes(rows)

    def rises(self, rows: csr_matrix) -> NDArray[np.float32]:
        """By how much scores are above those of a user of whom nothing is known."""
        return mixed(self.linear.rises(rows), self.deep.rises(rows), self.share)

    def effects(self, row: csr_matrix, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """By how much scores fall without each item, in the row's deviations."""
        models = self.linear, self.deep
        flat, deep = (m.effects(row, items) / _spread(m.scores(row)) for m in models)
        found: NDArray[np.float32] = (1 - self.share) * flat + self.share * deep
        return found


def blended(linear: Linear, deep: Deep, judges: Judges) -> Blend:
    """The blend that finds what is held out best; half of each if nothing is."""
    if not judges.any:
        return Blend(linear, deep, 0.5)
    flat, other = (model.scores(judges.kept) for model in (linear, deep))
    worth = [judges.of_table(mixed(flat, other, share)) for share in SHARES]
    return Blend(linear, deep, SHARES[int(np.argmax(worth))])


def mixed(
    flat: NDArray[np.float32], deep: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    """One with the other, in standard deviations of each user."""
    return (1 - share) * _standard(flat) + share * _standard(deep)


def _standard(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    made: NDArray[np.float32] = scores - scores.mean(axis=1, keepdims=True)
    return made / _spread(scores)


def _spread(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The standard deviation of each user's scores; 1 where they are all the same."""
    spread: NDArray[np.float32] = scores.std(axis=1, keepdims=True)
    return np.where(spread > 0, spread, np.float32(1))
