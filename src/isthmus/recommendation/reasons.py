"""Which items of a user speak for a recommendation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.recommendation.ranking import Ranking


class Explained(Protocol):
    """A model that can say it."""

    def effects(self, row: csr_matrix, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """How much scores of items fall without each item of one user, (seen, top)."""


class Reasons(NamedTuple):
    """For each user and recommendation, what speaks most for it."""

    items: NDArray[np.int64]
    """(users, top): what is recommended."""
    because: NDArray[np.int64]
    """(users, top, reasons): numbers of items of the user; -1 where none is left."""
    effects: NDArray[np.float32]
    """(users, top, reasons): how much the score falls without them."""


def reasons_for(
    model: Explained, rows: csr_matrix, found: Ranking, count: int
) -> Reasons:
    """The items of each user without which scores fall most, and fall at all."""
    shape = (*found.items.shape, count)
    because, effects = np.full(shape, -1), np.zeros(shape, dtype=np.float32)
    for user, items in enumerate(found.items):
        row = rows[user : user + 1]
        effect = model.effects(row, items)
        order = np.argsort(-effect, axis=0, kind="stable")[:count]
        strongest = np.take_along_axis(effect, order, axis=0).T
        speaks = (strongest > 0) & (items >= 0)[:, None]
        many = order.shape[0]
        because[user, :, :many] = np.where(speaks, row.indices[order.T], -1)
        effects[user, :, :many] = np.where(speaks, strongest, 0)
    return Reasons(found.items, because, effects)


def each_left_out(row: csr_matrix) -> csr_matrix:
    """As many rows as one row has entries, each without one of them."""
    many = row.nnz
    kept = ~np.eye(many, dtype=bool)
    indices = np.broadcast_to(row.indices, (many, many))[kept]
    data = np.broadcast_to(row.data, (many, many))[kept]
    ends = np.arange(many + 1) * max(many - 1, 0)
    return csr_matrix((data, indices, ends), shape=(many, row.shape[1]))
