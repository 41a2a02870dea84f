"""Squared error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn import functional

from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor


class SquaredError(Likelihood):
    """log p = -(x - y)^2: a normal density of variance 1/2, less its constant."""

    aliases: ClassVar[tuple[str, ...]] = ("mse",)
    explains: ClassVar[frozenset[Content]] = frozenset(
        {"real", "unit", "binary", "count"}
    )
    prefers: ClassVar[Content] = "real"
    metric: ClassVar[str] = "mse"
    assumed: ClassVar[frozenset[Content]] = explains

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Minus the squared error of each entry."""
        return -_squares(params, x)

    def mean(self, params: Tensor) -> Tensor:
        """The decoder's answer itself."""
        return params

    def sample(self, params: Tensor) -> Tensor:
        """The decoder's answer, and noise of variance 1/2."""
        return params + math.sqrt(0.5) * torch.randn_like(params)

    def log_normalizer(self) -> float:
        """log sqrt(pi)."""
        return 0.5 * math.log(math.pi)

    def distortion(
        self, params: Tensor, x: Tensor, judged: Tensor | None, dims: int
    ) -> Tensor:
        """|x - y|^2."""
        error = _squares(params, x)
        if judged is not None:
            error = error * judged
        return error.sum(-1) if dims == 1 else error.flatten(-dims).sum(-1)


def _squares(params: Tensor, x: Tensor) -> Tensor:
    """(x - y)^2 of each entry, in one operation."""
    if x.shape != params.shape:  # there are several draws of the code
        params, x = torch.broadcast_tensors(params, x)
    return functional.mse_loss(params, x, reduction="none")
