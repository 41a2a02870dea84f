"""Matrix products whose rows all begin alike, so that all are rounded alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LANE = 16
"""Bytes at whose multiples a row may begin."""

PRODUCTS: dict[Callable[..., torch.Tensor], int] = {
    functional.linear: 0,
    torch.matmul: 0,
    torch.Tensor.matmul: 0,
    torch.Tensor.__matmul__: 0,
    torch.mm: 0,
    torch.bmm: 0,
    torch.addmm: 1,
    torch.baddbmm: 1,
}
"""Products, and which of their arguments holds the rows."""


class Aligned(TorchFunctionMode):
    """Inside it, rows of products on a processor begin at multiples of 16 bytes.

    MKL sums a row of few answers in an order that depends on the address of the row (on
    AMD processors): a row of 17 numbers would get other last digits where another
    stands above it.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call ``func``, with the rows of a product where they should be."""
        place = PRODUCTS.get(func)
        if place is not None and place < len(args):
            rows = aligned(args[place])
            args = (*args[:place], rows, *args[place + 1 :])
        return func(*args, **(kwargs or {}))


def aligned(x: torch.Tensor) -> torch.Tensor:
    """The same rows, (..., n), with gaps between them where they need some."""
    lane = LANE // x.element_size()
    if x.device.type != "cpu" or x.dim() < 2 or x.shape[-1] % lane == 0:
        return x
    width = x.shape[-1]
    wide = x.new_zeros((*x.shape[:-1], -(-width // lane) * lane))
    wide[..., :width] = x
    return wide[..., :width]
