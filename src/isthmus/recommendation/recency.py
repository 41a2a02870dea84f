"""What a user turned to last says most of what comes next."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix


def recent(rows: csr_matrix, times: csr_matrix | None, recency: float) -> csr_matrix:
    """Interactions of each user, weighed by (1 + how many are later)^-recency.

    Without times, or with recency 0, they are what they were.
    """
    if times is None or recency == 0:
        return rows
    many = np.diff(rows.indptr)
    who = np.repeat(np.arange(len(many)), many)
    order = np.lexsort((-times.data, who))
    same = np.zeros(rows.nnz, dtype=bool)  # as late as the one before
    same[1:] = (np.diff(times.data[order]) == 0) & (np.diff(who[order]) == 0)
    later = np.empty(rows.nnz)
    later[order] = np.maximum.accumulate(np.where(same, -1, np.arange(rows.nnz)))
    later -= np.repeat(rows.indptr[:-1], many)
    weights = (1 + later) ** -recency
    data = (rows.data * weights).astype(np.float32)
    return csr_matrix((data, rows.indices, rows.indptr), shape=rows.shape)
