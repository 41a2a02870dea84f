"""Whether each entry of a code speaks of one known factor of the data."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import mutual_info_score

from isthmus.errors import DataError


def mutual_information_gap(
    codes: ArrayLike, factors: ArrayLike, *, bins: int = 20
) -> float:
    """Mean over factors of (I(z_a; v) - I(z_b; v)) / H(v), a and b the best entries.

    ``codes`` (n, D) and ``factors`` (n, F) of discrete values (Chen et al., 2018). 1:
    one entry of the code tells a factor, and no other tells anything of it. Each entry
    is cut into ``bins`` of one width, as is usual, where the paper integrates over
    q(z|x). A code of a single entry has nothing to be compared with but 0.
    """
    z, v = _checked(codes, factors)
    cut = np.stack([_cut(entry, bins) for entry in z.T])
    gaps = []
    for factor in v.T:
        told = np.sort([0.0, *(mutual_info_score(factor, entry) for entry in cut)])
        gaps.append((told[-1] - told[-2]) / mutual_info_score(factor, factor))
    return float(np.mean(gaps))


class Dci(NamedTuple):
    """Three figures from 0 to 1, and what they rest on."""

    disentanglement: float
    """Whether an entry of the code matters for one factor only."""
    completeness: float
    """Whether one entry only matters for a factor."""
    informativeness: float
    """Share of factors that are told right from the codes of other rows."""
    importance: NDArray[np.float64]
    """(D, F): how much each entry matters for each factor; columns sum to 1."""


def dci(codes: ArrayLike, factors: ArrayLike, *, random_state: int = 0) -> Dci:
    """Disentanglement, completeness, informativeness (Eastwood & Williams, 2018).

    ``codes`` (n, D) and ``factors`` (n, F) of discrete values. A random forest tells
    each factor from the codes of half of the rows; R_ij is the importance of entry i
    for factor j. Then D_i = 1 - H_F(R_i. / sum), weighted by the share of the row, and
    C_j = 1 - H_D(R_.j / sum), weighted by that of the column, entropies to the base of
    their number of terms. Informativeness is the accuracy in the other half.
    """
    z, v = _checked(codes, factors)
    order = np.random.default_rng(random_state).permutation(len(z))
    known, new = np.array_split(order, 2)
    columns, right = [], []
    for factor in v.T:
        forest = RandomForestClassifier(
            50, max_depth=12, max_features=None, random_state=random_state
        )
        forest.fit(z[known], factor[known])
        columns.append(forest.feature_importances_)
        right.append(forest.score(z[new], factor[new]))
    importance = np.stack(columns, axis=1)
    return Dci(*_scores(importance), float(np.mean(right)), importance)


def _scores(importance: NDArray[np.float64]) -> tuple[float, float]:
    """Disentanglement and completeness of R (D, F)."""
    shares = importance.sum(axis=1) / importance.sum()
    one = 1 - _entropy(importance)
    other = 1 - _entropy(importance.T)
    weights = importance.sum(axis=0) / importance.sum()
    return float(shares @ one), float(weights @ other)


def _entropy(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy of each row, as shares, from 0 to 1."""
    sums = rows.sum(axis=1, keepdims=True)
    p = np.divide(
        rows, sums, where=sums > 0, out=np.full(rows.shape, 1 / rows.shape[1])
    )
    logs = np.log(p, where=p > 0, out=np.zeros_like(p))
    found: NDArray[np.float64] = -(p * logs).sum(axis=1) / np.log(max(rows.shape[1], 2))
    return found


def _checked(codes: ArrayLike, factors: ArrayLike) -> tuple[Any, Any]:
    z, v = np.asarray(codes, np.float64), np.asarray(factors)
    v = v[:, None] if v.ndim == 1 else v
    if z.ndim != 2 or v.ndim != 2 or len(z) != len(v):
        raise DataError(
            f"Codes (n, D) and factors (n, F) must have as many rows. Got {z.shape} "
            f"and {v.shape}."
        )
    v = np.stack([np.unique(f, return_inverse=True)[1] for f in v.T], axis=1)
    if (still := np.flatnonzero(v.max(axis=0) == 0)).size:
        raise DataError(f"Factor {still[0]} has but one value. Leave it out.")
    return z, v


def _cut(entry: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Bins of one width from smallest to largest."""
    edges = np.histogram_bin_edges(entry, bins)
    return np.digitize(entry, edges[1:-1])
