"""How good the first k of a ranking are, given what users turned to afterwards.

Of a user with the relevant items R and the ranking i_1, i_2, ..., hit_r is 1 where i_r
is in R. Each figure is the mean over the users who have any relevant item.

    recall@k    sum_{r <= k} hit_r / |R|
    ndcg@k      sum_{r <= k} hit_r / log2(1 + r) over its largest possible value
    mrr@k       1 / r of the first hit; 0 if there is none among the first k
    hit@k       1 if there is any hit
    coverage@k  share of all items that are recommended to anybody

Recall is that of RecBole (Zhao et al., 2021). Liang et al. (2018) divide by
min(k, |R|): that is ``truncated=True``; their NDCG is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix


TOP = 10
"""Length of a ranking, where nothing is said of it."""

NAMES = "recall", "ndcg", "mrr", "hit", "coverage"


def figures(
    ranked: NDArray[np.int64],
    relevant: csr_matrix,
    k: int,
    *,
    truncated: bool = False,
) -> dict[str, float]:
    """All figures of rankings (users, k or more), -1 where there is nothing left."""
    hits, known = _hits(ranked[:, :k], relevant)
    width = hits.shape[1]
    gains = 1 / np.log2(np.arange(2, width + 2))
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    users = known > 0
    hits, known = hits[users], known[users]
    any_hit = hits.any(axis=1)
    first = np.where(any_hit, hits.argmax(axis=1) + 1, np.inf)
    wanted = np.minimum(known, k) if truncated else known
    found = {
        "recall": hits.sum(axis=1) / wanted,
        "ndcg": hits @ gains / best[np.minimum(known, k)],
        "mrr": 1 / first,
        "hit": any_hit,
    }
    means = {f"{name}@{k}": _mean(values) for name, values in found.items()}
    return means | {f"coverage@{k}": coverage(ranked[:, :k], relevant.shape[1])}


def coverage(ranked: NDArray[np.int64], items: int) -> float:
    """Share of the items that occur in any of the rankings."""
    return len(np.unique(ranked[ranked >= 0])) / items


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _hits(
    ranked: NDArray[np.int64], relevant: csr_matrix
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Which ranked items are relevant, (users, k), and how many there are of each."""
    users, items = relevant.shape
    keys = np.repeat(np.arange(users), np.diff(relevant.indptr)) * items
    keys = np.sort(keys + relevant.indices)
    wanted = np.arange(users)[:, None] * items + ranked
    place = np.searchsorted(keys, wanted).clip(max=max(len(keys) - 1, 0))
    same = keys[place] == wanted if len(keys) else np.zeros(wanted.shape, dtype=bool)
    return (same & (ranked >= 0)).astype(np.float64), np.diff(relevant.indptr)
