"""Probabilities by whole numbers alone, so that every machine has the same bits.

Sums of products of whole numbers below 2^53 are exact in float64, in whatever order and
on however many threads they are computed (compare Ballé, Johnston & Minnen, 2019).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FINE = 64
"""Steps of a logit in a nat."""

_BITS, _PLACES = 24, 128


def _table() -> NDArray[np.float64]:
    """exp(-k / FINE) for k = 0, 1, ..., in multiples of 2^-24, down to the first 0.

    Powers of one number, exp(-1 / FINE) = sum_i (-1 / FINE)^i / i!, in whole numbers.
    """
    one = 1 << _PLACES
    factor, term = 0, one
    for i in range(1, 40):
        factor += term
        term = -term // (FINE * i)
    powers, now = [], one
    while shown := (now >> (_PLACES - _BITS)):
        powers.append(shown)
        now = now * factor >> _PLACES
    return np.array([*powers, 0], dtype=np.float64) / 2.0**_BITS


TABLE = _table()


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(logit - largest), (..., L), of whole logits in steps of 1 / FINE.

    They need not sum to 1; of what is too small the coder keeps the least that it can.
    """
    below = logits.max(axis=-1, keepdims=True) - logits
    found: NDArray[np.float64] = TABLE[
        np.minimum(below, len(TABLE) - 1).astype(np.int64)
    ]
    return found
