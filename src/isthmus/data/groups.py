"""Groups of entries that occur together, such as the words of a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.utils.extmath import randomized_svd

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 100
"""Entries of a vector, at most."""

CORE = 15
"""Entries that a group is centred on, at most; half of its share of all, if fewer."""

ROUNDS = 2
"""How often a group is centred on the entries that are nearest to it."""

SHARPNESS = 16.0
"""Nats between what points the way of a group and what stands at a right angle."""


def groups(together: csr_matrix, count: int, seed: int) -> NDArray[np.float32]:
    """Shares of entries in each of ``count`` groups, (count, V).

    ``together`` (rows, V) is not 0 where an entry occurs. Entries become `vectors`,
    and these clusters, in which an entry weighs as the root of how often it occurs
    (Sia et al., 2020); then each cluster is centred on the `CORE` entries that are
    foremost in it, so that what is at its fringe has no say. The share of an entry is
    in proportion to f exp(SHARPNESS cos), where f is how often it occurs and cos the
    cosine of its vector with the centre (compare Dieng et al., 2020).
    """
    present = csr_matrix(together, dtype=np.float64)
    present.data[:] = 1.0
    often = np.asarray(present.sum(axis=0)).ravel()
    made = vectors(present)
    kinds = min(count, len(np.unique(made, axis=0)))
    clusters = KMeans(kinds, n_init=1, random_state=seed)
    centres = _unit(clusters.fit(made, sample_weight=np.sqrt(often)).cluster_centers_)
    base, core = np.log(often + 0.5), min(CORE, max(len(often) // (2 * count), 2))
    for _ in range(ROUNDS):
        first = np.argsort(-_logits(centres, made, base), axis=1, kind="stable")
        centres = _unit(made[first[:, :core]].mean(axis=1))
    logits = np.resize(_logits(centres, made, base), (count, len(often)))
    logits -= np.logaddexp.reduce(logits, axis=1, keepdims=True)
    found: NDArray[np.float32] = np.exp(logits).astype(np.float32)
    return found


def vectors(present: csr_matrix) -> NDArray[np.float64]:
    """A vector of length 1 for each entry, (V, d): near are those that go together.

    They are of the best approximation of rank d to the correlations of presence, those
    below 0 set to 0.
    """
    rows, width = present.shape
    often = np.asarray(present.sum(axis=0)).ravel() / rows
    both: Any = (present.T @ present).tocoo()
    pair = often[both.row] * often[both.col]
    value = (both.data / rows - pair) / np.sqrt(pair)
    kept = (value > 0) & (both.row != both.col)
    index = both.row[kept], both.col[kept]
    correlation = csr_matrix((value[kept], index), (width, width))
    u, s, _ = randomized_svd(correlation, max(min(SIZE, width - 1), 1), random_state=0)
    return _unit(u * np.sqrt(s))


def _logits(
    centres: NDArray[np.float64], made: NDArray[np.float64], base: NDArray[np.float64]
) -> NDArray[np.float64]:
    found: NDArray[np.float64] = SHARPNESS * (centres @ made.T) + base
    return found


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    found: NDArray[np.float64] = rows / np.maximum(length, 1e-12)
    return found
