"""Rows of counts whose totals are given, so that shares alone are to be explained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

NONE = 1e-6
"""Total of a row without any count: nothing is expected of it."""


def seen(x: Tensor, typical: float | None) -> Tensor:
    """log(1 + x), of counts (..., E) brought to the ``typical`` total, if there is one.

    So rows that differ in nothing but how much was looked at are seen alike.
    """
    if typical is None:
        return x.log1p()
    return (x * (typical / totals(x))).log1p()


def totals(x: Tensor) -> Tensor:
    """Sum of each row of counts (..., E), (..., 1), above 0."""
    return x.sum(-1, keepdim=True).clamp_min(NONE)
