"""Labels spread from few rows to all, along the neighbours of their codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg
from sklearn.neighbors import NearestNeighbors

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBORS = 10
"""Neighbours of a row."""

STEPS = 300
"""Steps in which the equations are solved, at most."""

ROUNDS = 20
"""Times that every row is given to one class, at most."""

FLOWS = 40
"""Steps in which classes flow along the graph, in a round."""

TOLERANCE = 0.05
"""By which shares of the rows may differ, in sum, from those that labels suggest."""

FACTORS = 0.5, 2.0
"""Least and largest factor by which a class is brought to its size."""


class Neighbors:
    """Rows (n,) joined to the nearest in their codes, (n, D), the nearer the stronger.

    w = exp(-4 d^2 / d_k^2) with d_k the distance to the last of the k neighbours, as
    mean of both directions (Calder et al., 2020).
    """

    def __init__(self, codes: NDArray[Any], count: int = NEIGHBORS) -> None:
        n, k = len(codes), min(count, len(codes) - 1)
        found = NearestNeighbors(n_neighbors=k).fit(codes)
        far, place = found.kneighbors()
        last = np.maximum(far[:, -1:], 1e-12)
        weight = np.exp(-4 * np.square(far / last)).ravel()
        rows = np.repeat(np.arange(n), k)
        one_way = sparse.csr_array((weight, (rows, place.ravel())), shape=(n, n))
        self.weights = ((one_way + one_way.T) / 2).tocsr()
        self.degrees = np.asarray(self.weights.sum(axis=1)).ravel()

    def spread(
        self, rows: NDArray[np.int64], values: NDArray[np.int64], classes: int
    ) -> NDArray[np.float32]:
        """How much each row belongs to each class, (n, classes).

        Poisson learning, and from its answer on the scheme of Merriman, Bence and Osher
        with classes of given sizes (Calder et al., 2020): in each round every row is
        given to one class, and classes flow along the graph from there and from the
        labels. The sizes are those of the labels, one more of each class.
        """
        n = len(self.degrees)
        sources = np.zeros((n, classes), np.float32)
        sources[rows, values] = 1
        sources[rows] -= sources[rows].mean(axis=0)
        sizes = np.bincount(values, minlength=classes) + 1.0
        u = self.poisson(rows, values, classes).astype(np.float32)
        step = np.float32(1 / self.degrees.max())
        weights = self.weights.astype(np.float32) * step
        stay = (1 - step * self.degrees[:, None]).astype(np.float32)
        before: NDArray[np.int64] | None = None
        for _ in range(ROUNDS):
            one = (u * _factors(u, sizes / sizes.sum())).argmax(axis=1)
            if before is not None and (one == before).all():
                break
            before, u = one, np.eye(classes, dtype=np.float32)[one]
            for _ in range(FLOWS):
                u = stay * u + weights @ u + step * sources
        return u * _factors(u, sizes / sizes.sum())

    def poisson(
        self, rows: NDArray[np.int64], values: NDArray[np.int64], classes: int
    ) -> NDArray[np.float64]:
        """How much each row belongs to each class, (n, classes); in sum 0.

        Poisson learning (Calder et al., 2020): labels are sources that the classes in
        the mean of all labels drain, L u = sum_i (e_i - mean) delta_i, which stays
        sharp where labels are few. Every class has the same strength.
        """
        n = len(self.degrees)
        sources = np.zeros((n, classes))
        sizes = np.bincount(values, minlength=classes)
        sources[rows, values] = 1 / sizes[values]
        sources[rows] -= sources[rows].mean(axis=0)
        root = 1 / np.sqrt(self.degrees)
        joined = self.weights.multiply(root[:, None]).multiply(root).tocsr()

        def left(u: NDArray[Any]) -> NDArray[Any]:
            """(I + epsilon - D^-1/2 W D^-1/2) u."""
            return np.asarray((1 + 1e-8) * u - joined @ u)

        matrix, right = LinearOperator((n, n), left), root[:, None] * sources
        found = [cg(matrix, b, rtol=1e-4, maxiter=STEPS)[0] for b in right.T]
        u = root[:, None] * np.stack(found, axis=1)
        return np.asarray(u - self.degrees @ u / self.degrees.sum())


def _factors(u: NDArray[np.float32], shares: NDArray[Any]) -> NDArray[np.float32]:
    """What to multiply classes by, so that they win these shares of the rows."""
    found = np.ones(len(shares), np.float32)
    for _ in range(100):
        won = np.bincount((u * found).argmax(axis=1), minlength=len(shares)) / len(u)
        if np.abs(won - shares).sum() < TOLERANCE:
            break
        found = np.clip(found + (shares - won), *FACTORS).astype(np.float32)
    return found
