"""From scores to the first few items of each user."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from isthmus.bounds import whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

CELLS = 2**22
"""Scores that are held at a time, about."""

BLOCK = 11
"""Binary logarithm of the users of a block, at most."""


def block(items: int) -> int:
    """Users whose scores are held at a time: a power of two."""
    return 1 << min(int(math.log2(max(CELLS // items, 1))), BLOCK)


class Ranking(NamedTuple):
    """The first items of each user, best first."""

    items: NDArray[np.int64]
    """(users, top): numbers of items; -1 where none is left."""
    scores: NDArray[np.float32]
    """(users, top): their scores; minus infinity where none is left."""


def ranked(
    scores: Callable[[csr_matrix], NDArray[np.float32]],
    rows: csr_matrix,
    top: int,
    hidden: csr_matrix | None = None,
) -> Ranking:
    """The ``top`` items of each user, without those of the same user in ``hidden``."""
    users, items = rows.shape
    step = block(items)
    found = []
    for start in range(0, max(users, 1), step):
        here = slice(start, start + step)
        part = None if hidden is None else hidden[here]
        found.append(first(scores(rows[here]), top, part))
    return Ranking(*map(np.concatenate, zip(*found, strict=True)))


def first(
    scores: NDArray[np.float32], top: int, hidden: csr_matrix | None = None
) -> Ranking:
    """The largest of each row of scores, (users, items).

    Of equal scores the item that comes first leads.
    """
    top = min(whole("top", top), scores.shape[1])
    if hidden is not None:
        scores = scores.copy()
        who = np.repeat(np.arange(len(scores)), np.diff(hidden.indptr))
        scores[who, hidden.indices] = -np.inf
    least = -np.partition(-scores, top - 1, axis=1)[:, top - 1]
    best = np.empty((len(scores), top), dtype=np.int64)
    for row, line in enumerate(scores):
        places = np.flatnonzero(line >= least[row])  # more than `top` where some tie
        best[row] = places[np.argsort(-line[places], kind="stable")[:top]]
    values = np.take_along_axis(scores, best, axis=1)
    best[np.isneginf(values)] = -1
    return Ranking(best, values)
