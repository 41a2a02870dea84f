"""What scores of calibration rows promise of new ones: arrays in, arrays out.

A score is higher for what is more usual. The n calibration rows are normal rows that
training has not seen; all promises are to rows that are exchangeable with them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def p_values(scores: ArrayLike, calibration: ArrayLike) -> NDArray[np.float64]:
    """p(s) = (1 + #{calibration scores <= s}) / (n + 1), (m,) (Vovk et al., 2005).

    ``calibration``, (n,), must ascend. A normal row has p <= a with probability a at
    most, whatever the score is.
    """
    known = np.asarray(calibration, dtype=np.float64)
    lower = np.searchsorted(known, scores, side="right")
    return np.asarray((1 + lower) / (len(known) + 1))


def rank(rate: float, n: int) -> int:
    """k = #{j = 1, ..., n: j / (n + 1) <= rate}: how many p-values are small enough."""
    attainable = np.arange(1, n + 1) / (n + 1)  # as `p_values` rounds them
    return int(np.searchsorted(attainable, rate, side="right"))


def threshold(calibration: ArrayLike, rate: float) -> float:
    """The k-th lowest calibration score t: s < t if and only if p(s) <= rate.

    ``calibration``, (n,), must ascend. Below 1 / (n + 1) there is no rate but 0: then
    t is minus infinity.
    """
    known = np.asarray(calibration, dtype=np.float64)
    k = rank(rate, len(known))
    return float(known[k - 1]) if k else -math.inf


def rows_for(rate: float) -> int:
    """The least n with 1 / (n + 1) <= rate: fewer rows know no such rate."""
    n = max(math.ceil(1 / rate) - 2, 0)
    while 1 / (n + 1) > rate:
        n += 1
    return n


def rows_to_keep(n: int, share: float, rate: float) -> int:
    """max(share n, 1 / rate - 1) of n rows for calibration; two stay to be trained on.

    Beyond ``share`` it takes no more than half of them.
    """
    wanted = max(round(share * n), min(rows_for(rate), n // 2))
    return max(min(wanted, n - 2), 0)


def discoveries(p: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Rows i with p_(j) <= rate j / m for some j >= the place of i among m, (m,).

    Of those found among m rows, at most the share ``rate`` is normal, on average
    (Benjamini and Hochberg, 1995); so it is for conformal p-values, which depend on
    each other by their calibration rows (Bates et al., 2023).
    """
    adjusted = stats.false_discovery_control(np.asarray(p, dtype=np.float64))
    slack = 1 + 1e-12  # p-values are fractions that often meet the line exactly
    return np.asarray(adjusted <= rate * slack)


def false_alarm_rate(k: int, n: int) -> Any:
    """Beta(k, n + 1 - k): share of normal rows below the k-th lowest score.

    (Vovk, 2012.) Its mean is k / (n + 1). Which value it takes, the draw of the
    calibration rows has decided; it is exact where no two scores are equal.
    """
    return stats.beta(k, n + 1 - k)


def false_alarms(k: int, n: int, m: int) -> Any:
    """BetaBinomial(m, k, n + 1 - k): how many of m normal rows fall below it."""
    return stats.betabinom(m, k, n + 1 - k)
