"""In how many bits matrix products are computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

Precision = Literal["float32", "bfloat16"]

LARGE = 2**27
"""Multiply-adds of one layer on one batch, from which fewer bits are worth it."""


def precision_for(
    wish: Precision | Literal["auto"],
    rows: int,
    parameters: Iterable[torch.Tensor],
    device: torch.device,
) -> Precision:
    """The precision wished for; ``auto``: bfloat16 for a large layer on a fit device.

    A pure function of the wish, the sizes and the device's features.
    """
    if wish != "auto":
        return wish
    largest = max((p.numel() for p in parameters), default=0)
    return "bfloat16" if rows * largest >= LARGE and _is_fit(device) else "float32"


def products_in(precision: Precision, device: torch.device) -> torch.autocast:
    """Compute matrix products in this precision inside the block, and so only there.

    Weights are brought to it at each use: nothing is kept from one use to the next.
    """
    lower = precision == "bfloat16"
    return torch.autocast(
        device.type, torch.bfloat16, enabled=lower, cache_enabled=False
    )


def _is_fit(device: torch.device) -> bool:
    """Whether a device has units for products in bfloat16, and not just instructions.

    AMX of processors, tensor cores from compute capability 8 on.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and torch.cpu._is_amx_tile_supported()  # noqa: SLF001
