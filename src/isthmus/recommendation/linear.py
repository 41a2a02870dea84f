"""The closed-form linear autoencoder: EASE, with dropout and users who weigh alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import lapack
from sklearn.utils.extmath import randomized_svd

from isthmus.errors import DataError
from isthmus.recommendation.memory import free_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

COPIES = 3
"""Matrices of items x items that are in memory at once."""

BLOCK = 1024
"""Items whose products with all others are computed at a time."""


class Settings(NamedTuple):
    """What the weights depend on, beside the data."""

    ridge: float = 200.0
    """L2 penalty of every weight."""
    evenness: float = 0.5
    """A user with n interactions weighs (n / mean n) to the minus this."""
    dropout: float = 0.33
    """Share p of a row that is hidden in training: p / (1 - p) of the popularity of an
    item is added to its penalty, as dropout does on average (Steck, 2020)."""
    discount: float = 0.0
    """Scores of an item are divided by its popularity to the power of this."""
    recency: float = 0.0
    """An interaction that k others of the user follow counts (1 + k) to the minus this
    when scores are asked for, where times are known."""


class Linear(NamedTuple):
    """x -> x B with the diagonal of B zero (Steck, 2019).

    A user of whom nothing is known gets what is popular.
    """

    weights: NDArray[np.float32]
    """B, (items, items)."""
    popularity: NDArray[np.float32]
    """Share of the users who turned to each item, (items,)."""
    basis: NDArray[np.float32]
    """U S, (items, size); of no columns where codes are not asked for."""

    def scores(self, rows: csr_matrix) -> NDArray[np.float32]:
        """Scores of all items for users, (users, items)."""
        found: NDArray[np.float32] = rows @ self.weights
        found[np.diff(rows.indptr) == 0] = self.popularity
        return found

    def codes(self, rows: csr_matrix) -> NDArray[np.float32]:
        """Codes of users: x U S, where B is about U S V^T, (users, size)."""
        found: NDArray[np.float32] = rows @ self.basis
        return found

    def rises(self, rows: csr_matrix) -> NDArray[np.float32]:
        """By how much scores are above those of a user of whom nothing is known."""
        found: NDArray[np.float32] = rows @ self.weights
        return found

    def effects(self, row: csr_matrix, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """x_i B_ij, by how much the score of j falls without i, (seen, items)."""
        weights = self.weights[np.ix_(row.indices, items)]
        found: NDArray[np.float32] = weights * row.data[:, None]
        return found


def gram(rows: csr_matrix, evenness: float) -> NDArray[np.float32]:
    """X^T W X of users weighed by how much they did, (items, items)."""
    refuse_many(rows.shape[1])
    many = np.maximum(np.diff(rows.indptr), 1)
    weights = (many / many.mean()) ** -evenness
    weighed = rows.multiply(weights[:, None].astype(np.float32)).tocsr()
    made = np.empty((rows.shape[1],) * 2, dtype=np.float32)
    by_item = rows.T.tocsr()
    for start in range(0, len(made), BLOCK):  # else the product takes more than `made`
        here = slice(start, start + BLOCK)
        made[here] = (by_item[here] @ weighed).toarray()
    return made


def solved(
    rows: csr_matrix, settings: Settings, products: NDArray[np.float32] | None = None
) -> Linear:
    """The B that minimises sum_u w_u |x_u - x_u B|^2 + sum_i l_i |B_i|^2.

    With G = X^T W X, l = ridge + p / (1 - p) diag G and P = (G + diag l)^-1 it is
    B_ij = -P_ij / P_jj beside the diagonal (Steck, 2019, equation 8; 2020). G may be
    given, as ``products``. Columns are then divided by popularity^discount.
    """
    made = gram(rows, settings.evenness) if products is None else products.copy()
    odds = settings.dropout / (1 - settings.dropout)
    diagonal = np.diag_indices_from(made)
    made[diagonal] += settings.ridge + odds * made[diagonal]
    many = rows.getnnz(axis=0).astype(np.float32)
    weights = _inverse(made)
    weights /= -weights[diagonal] * np.maximum(many, 1) ** settings.discount
    weights[diagonal] = 0
    popularity = many / np.float32(max(rows.shape[0], 1))
    return Linear(weights, popularity, weights[:, :0])


def with_codes(model: Linear, size: int, seed: int) -> Linear:
    """The model with a basis of so many columns, the best there is of its weights."""
    left, values, _ = randomized_svd(model.weights, size, random_state=seed)
    return model._replace(basis=np.ascontiguousarray(left * values))


def refuse_many(items: int) -> None:
    """Refuse more items than their square has room in memory."""
    needed, free = COPIES * 4 * items**2, free_bytes()
    if needed > free:
        raise DataError(
            f"The linear model of {items:,} items needs {needed / 2**30:,.1f} GB, the "
            f"square of their number, and {free / 2**30:,.1f} GB are free. Use "
            f"method='mult_vae', which grows with the items themselves."
        )


def _inverse(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of a positive definite matrix, which is overwritten."""
    factor, failed = lapack.spotrf(matrix.T, lower=1, overwrite_a=1)
    if not failed:
        factor, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise DataError(
            "The linear model cannot be solved: interactions of items depend on one "
            "another. Raise the ridge penalty."
        )
    lower = np.tril(factor, -1)
    inverse: NDArray[np.float32] = lower + lower.T
    np.fill_diagonal(inverse, factor.diagonal())
    return inverse
