"""Batches of one fixed size, so that an answer does not depend on its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isthmus.threads import threads_for
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 2048
"""Rows of a block. A matrix product may round differently for other row counts."""


def in_blocks(
    function: Callable[[Batch], tuple[Tensor, ...]],
    data: Batch,
    module: nn.Module,
    size: int = BLOCK,
) -> tuple[Tensor, ...]:
    """Apply a function of a batch block by block; the last is padded with zeros.

    The function asks ``module`` and answers with tensors of one row per example; they
    come back whole, on the processor. No gradients are kept.
    """
    parameters = list(module.parameters())
    device = parameters[0].device
    with torch.inference_mode(), threads_for(BLOCK, parameters):
        found = [function(block.to(device)) for block in _blocks(data, size)]
        columns = zip(*found, strict=True)
        return tuple(
            torch.cat([part.cpu() for part in parts])[: len(data)] for parts in columns
        )


def _blocks(data: Batch, size: int) -> list[Batch]:
    """Views of the full blocks, and a padded copy of the rows that are left."""
    count, rest = divmod(len(data), size)
    *full, last = data.split([*[size] * count, rest])
    if rest:
        visible = None if last.visible is None else _padded(last.visible, size)
        full.append(Batch(_padded(last.x, size), visible))
    return full


def _padded(tensor: Tensor, size: int) -> Tensor:
    padded = tensor.new_zeros((size, *tensor.shape[1:]))
    padded[: len(tensor)] = tensor
    return padded
