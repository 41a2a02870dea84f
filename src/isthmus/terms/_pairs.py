"""Distances between all rows of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """|a_i - b_j|^2 of all pairs of rows, (..., A, B)."""
    # |a|^2 + |b|^2 - 2 ab: torch.cdist has no finite gradient where a = b
    norms = a.square().sum(-1, keepdim=True) + b.square().sum(-1).unsqueeze(-2)
    return (norms - 2 * a @ b.mT).clamp_min(0)
