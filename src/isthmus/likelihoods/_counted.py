"""What is 0 where a count is 0, and dear where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

WIDE = 512
"""Entries of a row from which most counts are taken to be 0. How many are not is read
from the batch then, so that a step cannot be recorded: it is too large to gain much."""


def counted(function: Callable[..., Tensor], x: Tensor, *others: Tensor) -> Tensor:
    """function(x, *others), (..., *x.shape), which is 0 wherever x is.

    Of wide rows it is computed only where x is not.
    """
    if x.dim() != 2 or x.shape[-1] < WIDE:
        return function(x, *others)
    row, column = x.nonzero(as_tuple=True)
    found = function(x[row, column], *(other[..., row, column] for other in others))
    shape = others[0].shape if others else x.shape
    whole = found.new_zeros(shape)
    whole[..., row, column] = found
    return whole
