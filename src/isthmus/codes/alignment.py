"""Which entries of two codes say the same, and how one code becomes the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from isthmus.errors import DataError

Codes = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Alignment:
    """What two codes, z_a (n, D) and z_b (n, E), have in common."""

    pairs: NDArray[np.int64]
    """(min(D, E), 2): entries of a and of b, one to one, the most alike first."""
    correlations: NDArray[np.float64]
    """Pearson's r of the pairs."""
    linear_r2: float
    """Of new rows, share of the variance of z_b that is W z_a + c."""
    rotation_r2: float
    """The same for s R z_a + c with R a rotation or reflection."""
    coefficients: NDArray[np.float64]
    """W, (E, D)."""
    intercept: NDArray[np.float64]
    """c of the linear map, (E,)."""
    rotation: NDArray[np.float64]
    """R, (max(D, E), max(D, E)): the narrower code is filled up with zeros."""

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """Codes (n, D) of a as codes (n, E) of b, by the linear map."""
        found: NDArray[np.float64] = (
            np.asarray(X) @ self.coefficients.T + self.intercept
        )
        return found

    def __repr__(self) -> str:
        some = zip(self.pairs[:5], self.correlations, strict=False)
        alike = ", ".join(f"{a}~{b}: {r:+.2f}" for (a, b), r in some)
        return (
            f"Alignment(linear_r2={self.linear_r2:.3f}, rotation_r2="
            f"{self.rotation_r2:.3f}, pairs={len(self.pairs)}: {alike})"
        )


def align(a: Any, b: Any, X: Any, *, random_state: int = 0) -> Alignment:
    """How the codes of two fitted models agree on the rows of ``X``.

    Entries are matched one to one so that the sum of |r| is as large as it can be (Li
    et al., 2016). A linear map and a rotation with one scale (Procrustes; Schönemann,
    1966) from a to b are learned on half of the rows; their R2, over all entries of b
    by their variance, is that of the other half.
    """
    one, other = (np.asarray(m.transform(X), np.float64) for m in (a, b))
    one, other = (z.reshape(len(z), -1) for z in (one, other))
    if len(one) != len(other) or len(one) < 4:
        raise DataError(
            f"Both models must give codes of the same rows, four or more. Got "
            f"{len(one)} and {len(other)}."
        )
    pairs, correlations = _matched(one, other)
    order = np.random.default_rng(random_state).permutation(len(one))
    known, new = np.array_split(order, 2)
    linear = LinearRegression().fit(one[known], other[known])
    rotation, guess = _rotated(one[known], other[known], one[new])
    return Alignment(
        pairs=pairs,
        correlations=correlations,
        linear_r2=_r2(other[new], linear.predict(one[new])),
        rotation_r2=_r2(other[new], guess),
        coefficients=linear.coef_,
        intercept=linear.intercept_,
        rotation=rotation,
    )


def _matched(one: Codes, other: Codes) -> tuple[NDArray[np.int64], Codes]:
    """Pairs of entries, the most alike first, and their r; 0 for an idle entry."""
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.corrcoef(one, other, rowvar=False)
    r = np.nan_to_num(r[: one.shape[1], one.shape[1] :])
    pairs = np.stack(linear_sum_assignment(-abs(r)), axis=1)
    found = r[tuple(pairs.T)]
    order = np.argsort(-abs(found), kind="stable")
    return pairs[order], found[order]


def _rotated(one: Codes, other: Codes, new: Codes) -> tuple[Codes, Codes]:
    """R learned from some codes, and what it makes of new ones."""
    before, after = one.mean(axis=0), other.mean(axis=0)
    width = max(one.shape[1], other.shape[1])
    left, right = _wide(one - before, width), _wide(other - after, width)
    rotation, total = orthogonal_procrustes(left, right)
    scale = total / max((left**2).sum(), 1e-300)
    guess = scale * _wide(new - before, width) @ rotation
    turned = np.asarray(rotation.T, dtype=np.float64)
    return turned, guess[:, : other.shape[1]] + after


def _wide(codes: Codes, width: int) -> Codes:
    """Filled up with zeros."""
    return np.pad(codes, ((0, 0), (0, width - codes.shape[1])))


def _r2(true: Codes, guess: Codes) -> float:
    return float(r2_score(true, guess, multioutput="variance_weighted"))
