"""What is kept of the calibration rows: their scores, and quantiles of their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, get_args

import numpy as np

from isthmus.errors import ModelFileError
from isthmus.scores import conformal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

Source = Literal["cross", "kept", "given", "validation"]
"""Whence calibration rows come: all rows, each judged by a replica that has not seen
it; kept out of all training; given by the user; or those that only said when to stop
it, which makes p-values a trifle too small."""


class Tails(NamedTuple):
    """Quantiles of what the cells of each column contribute to scores."""

    values: NDArray[np.float64]
    """(q, columns): contributions, ascending."""
    below: NDArray[np.int64]
    """(q, columns): how many of the rows contribute less."""
    rows: int

    @classmethod
    def of(cls, contributions: ArrayLike) -> Self:
        """Contributions (n, columns) at 64 ranks by ratio and 65 by distance."""
        ordered = np.sort(np.asarray(contributions, dtype=np.float64), axis=0)
        n = len(ordered)
        ranks = np.concatenate([np.geomspace(1, n, 64), np.linspace(1, n, 65)])
        values = ordered[np.unique(ranks.round().astype(int)) - 1]
        pairs = zip(ordered.T, values.T, strict=True)
        below = [np.searchsorted(known, some) for known, some in pairs]
        return cls(values, np.stack(below, axis=1).astype(np.int64), n)

    def __call__(self, contributions: NDArray[np.float64]) -> NDArray[np.float64]:
        """(1 + #{contributions <= c}) / (rows + 1) of each cell c, (m, columns).

        Between two quantiles it is that of the upper one, so never too small.
        """
        found = np.empty(contributions.shape)
        for j, cells in enumerate(contributions.T):
            lower = np.append(self.below[:, j], self.rows)
            found[:, j] = lower[np.searchsorted(self.values[:, j], cells, side="right")]
        return np.asarray((1 + found) / (self.rows + 1))


class Calibration(NamedTuple):
    """What rows that training has not seen score, and their cells contribute."""

    source: Source
    scores: NDArray[np.float64]
    """(n,), ascending."""
    tails: Tails

    @classmethod
    def of(cls, source: Source, scores: ArrayLike, contributions: ArrayLike) -> Self:
        """From scores (n,) and the contributions of some of the rows."""
        return cls(source, np.sort(scores), Tails.of(contributions))

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return len(self.scores)

    def __repr__(self) -> str:
        """What can be read of it."""
        return f"Calibration(source={self.source!r}, rows={self.rows:,})"

    def p_values(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(1 + #{calibration scores <= s}) / (n + 1), (m,)."""
        return conformal.p_values(scores, self.scores)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name; `from_arrays` is the inverse."""
        return {
            "scores": self.scores,
            "values": np.ascontiguousarray(self.tails.values),
            "below": np.ascontiguousarray(self.tails.below),
        }

    @classmethod
    def from_arrays(
        cls, source: Any, rows: int, columns: int, arrays: Mapping[str, NDArray[Any]]
    ) -> Self:
        """Rebuild; ``rows`` are those of the tails. What cannot be is refused."""
        if arrays.keys() != {"scores", "values", "below"}:
            raise ModelFileError("The arrays of the calibration have other names.")
        scores, values, below = (arrays[n] for n in ("scores", "values", "below"))
        kinds = [array.dtype.kind for array in (scores, values, below)]
        shapes = scores.ndim == 1 and values.ndim == 2 and values.shape == below.shape
        if not (shapes and kinds == ["f", "f", "i"] and values.shape[1] == columns):
            raise ModelFileError("The arrays of the calibration have a wrong form.")
        finite = np.isfinite(scores).all() and np.isfinite(values).all()
        if not finite or any((np.diff(a, axis=0) < 0).any() for a in arrays.values()):
            raise ModelFileError("The arrays of the calibration must ascend.")
        if source not in get_args(Source) or (below < 0).any() or (below >= rows).any():
            raise ModelFileError("The calibration does not know its rows.")
        return cls(source, scores, Tails(values, below, rows))
