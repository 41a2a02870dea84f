"""Where codes lie: a mixture of normal distributions, and how to draw from it."""

from __future__ import annotations

import math
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

COMPONENTS = 256
"""Normal distributions of a mixture, at most, where nothing is said of them."""

ROWS = 25
"""Rows for each of them, at least."""

WIDTH = 1e-2
"""Variance of codes, as a share of what it is, that is added in every direction."""


class Density(NamedTuple):
    """p(z) = sum_k w_k N(z; m_k, L L'), over codes z of D entries.

    All normal distributions have one shape: so there can be many, which lie closer to
    codes of tables, that form clumps, than a few of many shapes.
    """

    weights: Tensor
    """(K,): w."""
    means: Tensor
    """(K, D): m."""
    factor: Tensor
    """(D, D): L, lower triangular; 0 where codes are few, and each is a point."""

    @classmethod
    def standard(cls, size: int) -> Self:
        """N(0, I), the prior of a variational code."""
        return cls(torch.ones(1), torch.zeros(1, size), torch.eye(size))

    @classmethod
    def frequencies(cls, codes: NDArray[np.float32]) -> Self:
        """Codes (n, D) that are few, each as often as it occurs."""
        means, counts = np.unique(codes, axis=0, return_counts=True)
        size = means.shape[1]
        return cls(
            torch.from_numpy(counts / counts.sum()).float(),
            torch.from_numpy(means),
            torch.zeros(size, size),
        )

    @classmethod
    def fitted(
        cls, codes: NDArray[np.float32], seed: int, components: int | None = None
    ) -> Self:
        """Fit to codes (T, n, D), T draws of n rows, by expectation maximisation."""
        center, scale = codes.mean(axis=(0, 1)), codes.std(axis=(0, 1))
        scale[scale == 0] = 1.0
        z = ((codes - center) / scale).astype(np.float64)
        usual = min(max(z.shape[1] // ROWS, 1), COMPONENTS)
        made = GaussianMixture(
            components or usual,
            covariance_type="tied",
            tol=1e-2,
            reg_covar=WIDTH,
            random_state=seed,
        )
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # nearly there will do
            made.fit(z.reshape(-1, z.shape[-1]))
        factor = np.linalg.cholesky(made.covariances_) * scale[:, None]
        return cls(
            torch.from_numpy(made.weights_).float(),
            torch.from_numpy(made.means_ * scale + center).float(),
            torch.from_numpy(factor).float(),
        )

    def sample(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw codes (n, D), and say from which distribution each came, (n,)."""
        chosen = self.weights.multinomial(n, replacement=True)
        noise = torch.randn(n, self.means.shape[1])
        return self.means[chosen] + noise @ self.factor.T, chosen

    def log_prob(self, z: Tensor) -> Tensor:
        """log p of codes (n, D), (n,)."""
        return self._joint(z).logsumexp(-1)

    def nearest(self, z: Tensor) -> Tensor:
        """From which distribution codes (n, D) most probably came, (n,)."""
        if not self.factor.any():
            return torch.cdist(z, self.means).argmin(-1)
        return self._joint(z).argmax(-1)

    def _joint(self, z: Tensor) -> Tensor:
        """log w_k + log N(z; m_k, L L'), (n, K)."""
        size = self.means.shape[1]
        both = torch.cat([z, self.means]).T
        white = torch.linalg.solve_triangular(self.factor, both, upper=False).T
        square = torch.cdist(white[: len(z)], white[len(z) :]).square()
        log_size = self.factor.diagonal().log().sum()
        constant = log_size + 0.5 * size * math.log(2 * math.pi)
        joint: Tensor = self.weights.log() - 0.5 * square - constant
        return joint
