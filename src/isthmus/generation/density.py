"""Where codes lie: a mixture of normal distributions, and how to draw from it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from isthmus.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

COMPONENTS = 64
"""Normal distributions of a mixture, at most, where nothing is said of them."""

ROWS = 50
"""Rows for each of them, at least; or three times the entries of a code, if more."""

CODES = 2**13
"""Codes from which a mixture is learned, about: of few rows, several are drawn."""

WIDEST = 8
"""Codes that are drawn of one row, at most."""

WIDTH = 1e-2
"""Variance of codes, as a share of what it is, that is added in every direction."""


class Density(NamedTuple):
    """p(z) = sum_k w_k N(z; m_k, L_k L_k'), over codes z of D entries."""

    weights: Tensor
    """(K,): w."""
    means: Tensor
    """(K, D): m."""
    factors: Tensor
    """(K, D, D): L, lower triangular."""

    @classmethod
    def standard(cls, size: int) -> Self:
        """N(0, I), the prior of a variational code."""
        return cls(torch.ones(1), torch.zeros(1, size), torch.eye(size)[None])

    @classmethod
    def frequencies(cls, codes: NDArray[np.float32]) -> Self:
        """Codes that are few, each as often as it occurs."""
        means, counts = np.unique(codes, axis=0, return_counts=True)
        size = means.shape[1]
        return cls(
            torch.from_numpy(counts / counts.sum()).float(),
            torch.from_numpy(means),
            torch.zeros(len(means), size, size),
        )

    @classmethod
    def fitted(
        cls, codes: NDArray[np.float32], seed: int, components: int | None = None
    ) -> Self:
        """Fit to codes (T, n, D), T draws of n rows, by expectation maximisation."""
        center, scale = codes.mean(axis=(0, 1)), codes.std(axis=(0, 1))
        scale[scale == 0] = 1.0
        z = ((codes - center) / scale).astype(np.float64)
        rows, size = z.shape[1:]
        usual = min(max(rows // max(ROWS, 3 * size), 1), COMPONENTS)
        with one_thread():
            found = _mixture(z.reshape(-1, size), components or usual, seed)
        covariances = found.covariances_
        if found.covariance_type == "diag":
            covariances = np.stack([np.diag(row) for row in covariances])
        factors = np.linalg.cholesky(covariances) * scale[:, None]
        return cls(
            torch.from_numpy(found.weights_).float(),
            torch.from_numpy(found.means_ * scale + center).float(),
            torch.from_numpy(factors).float(),
        )

    def sample(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw codes (n, D), and say from which distribution each came, (n,)."""
        chosen = self.weights.multinomial(n, replacement=True)
        noise = torch.randn(n, self.means.shape[1])
        moved = torch.einsum("nij,nj->ni", self.factors[chosen], noise)
        return self.means[chosen] + moved, chosen

    def log_prob(self, z: Tensor) -> Tensor:
        """log p of codes (n, D), (n,)."""
        return self._joint(z).logsumexp(-1)

    def nearest(self, z: Tensor) -> Tensor:
        """From which distribution codes (n, D) most probably came, (n,)."""
        return self._joint(z).argmax(-1)

    def _joint(self, z: Tensor) -> Tensor:
        """log w_k + log N(z; m_k, L_k L_k'), (n, K)."""
        found = []
        for weight, mean, factor in zip(*self, strict=True):
            if not factor.any():  # a single point
                away = (z - mean).square().sum(-1)
                found.append(weight.log() - 1e6 * away)
                continue
            white = torch.linalg.solve_triangular(factor, (z - mean).T, upper=False)
            log_size = factor.diagonal().log().sum()
            half = 0.5 * (white.square().sum(0) + len(mean) * np.log(2 * np.pi))
            found.append(weight.log() - half - log_size)
        return torch.stack(found, -1)


def _mixture(z: NDArray[np.float64], count: int, seed: int) -> GaussianMixture:
    """A mixture of normal distributions; of few codes each without correlations."""
    few = len(z) < 2 * count * z.shape[1]
    kind = "diag" if few else "full"
    made = GaussianMixture(
        min(count, len(z)),
        covariance_type=kind,
        tol=1e-2,
        reg_covar=WIDTH,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nearly there will do
        return made.fit(z)
