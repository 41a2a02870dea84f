"""Factor analysis of rows with missing cells: the linear half of an imputer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch

from isthmus.scores.role import Buffers

if TYPE_CHECKING:
    from torch import Tensor

FACTORS = 32
"""Entries of the code, at most."""

ROUNDS = 20
"""Steps of EM; more change nothing that shows on rows held out."""

RIDGE = 3.0
"""Pseudo-rows that draw loadings to zero."""

LEAST = 1e-3
"""Smallest variance of what is left of a column, as a share of its variance."""

ROWS = 4000
"""Rows that it learns from, at most."""


class FactorAnalysis(Buffers):
    """x = b + W z + e with z ~ N(0, I), e ~ N(0, diag(psi)): E[x | the cells seen].

    (Spearman, 1904; EM over rows with missing cells: Ghahramani and Jordan, 1994.) It
    is a linear autoencoder whose encoder is exact for every set of cells that may be
    seen. Columns are standardised; loadings W have a normal prior worth `RIDGE` rows.
    """

    center: Tensor
    scale: Tensor
    bias: Tensor
    loadings: Tensor
    rest: Tensor

    @classmethod
    def learned(cls, x: Tensor, seen: Tensor) -> Self:
        """By EM from rows (n, p), of which ``seen``, (n, p), is 1 where they are known.

        Of more than `ROWS` rows it takes some, evenly.
        """
        step = -(-len(x) // ROWS)
        x, seen = x[::step].double(), seen[::step].double()
        count = seen.sum(0).clamp_min(1)
        center = (x * seen).sum(0) / count
        variance = ((x - center).square() * seen).sum(0) / count
        still = variance <= 1e-12
        scale = variance.sqrt().masked_fill(still, 1.0)
        z = (x - center) / scale * seen
        factors = min(FACTORS, *z.shape)
        _, values, vectors = torch.linalg.svd(z, full_matrices=False)
        loadings = (vectors[:factors] * values[:factors, None] / len(z) ** 0.5).T
        loadings = loadings.contiguous()
        bias, rest = torch.zeros_like(center), torch.full_like(center, 0.5)
        for _ in range(ROUNDS):
            made = cls(
                center=center, scale=scale, bias=bias, loadings=loadings, rest=rest
            )
            bias, loadings, rest = made._step(z, seen, count)
        scale = scale.masked_fill(still, 0.0)  # a constant is its mean
        found = {"center": center, "scale": scale, "rest": rest}
        found |= {"bias": bias, "loadings": loadings}
        return cls(**{name: value.float() for name, value in found.items()})

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Means of all columns given those seen, (B, p)."""
        seen = seen.to(self.bias)
        spread = self.scale.masked_fill(self.scale == 0, 1.0)
        z = (x.to(self.bias) - self.center) / spread * seen
        code = self._code(z, seen)[0]
        mean = (code @ self.loadings.T + self.bias) * self.scale + self.center
        return mean.to(x)

    def _code(self, z: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of the code of each row, (B, k), and the root of its precision."""
        factors = self.loadings.shape[1]
        scaled = self.loadings / self.rest[:, None]
        outer = (scaled[:, :, None] * self.loadings[:, None, :]).flatten(1)
        precision = (seen @ outer).unflatten(1, (factors, factors))
        precision = precision + torch.eye(factors).to(precision)
        root = torch.linalg.cholesky(precision)
        pull = ((z - self.bias) * seen) @ scaled
        return torch.cholesky_solve(pull.unsqueeze(-1), root).squeeze(-1), root

    def _step(
        self, z: Tensor, seen: Tensor, count: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Bias, loadings and rest that a step of EM makes of these."""
        code, root = self._code(z, seen)
        one = code.new_ones(len(code), 1)
        known = torch.cat([code, one], 1)
        square = known[:, :, None] * known[:, None, :]
        square[:, :-1, :-1] += torch.cholesky_inverse(root)
        gram = (seen.T @ square.flatten(1)).unflatten(1, square.shape[1:])
        cross = z.T @ known
        ridge = torch.full_like(gram[0, 0], RIDGE)
        ridge[-1] = 1e-6  # the bias is free
        found = torch.linalg.solve(gram + ridge.diag(), cross.unsqueeze(-1)).squeeze(-1)
        fitted = torch.einsum("pi,pij,pj->p", found, gram, found)
        error = z.square().sum(0) - 2 * (found * cross).sum(1) + fitted
        rest = (error / count).clamp_min(LEAST)
        return found[:, -1], found[:, :-1].contiguous(), rest
