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

CELLS = 2**22
"""Entries of a block, about, where rows are so wide that they are fewer."""

FEWEST = 256
"""Rows of a block in any case."""

WIDER = 8
"""Times as many rows on a GPU, which would wait for the next block otherwise."""


def rows_of_block(entries: int) -> int:
    """Rows of a block of examples of so many entries: `BLOCK`, or halves of it."""
    rows = BLOCK
    while rows > FEWEST and rows * entries > CELLS:
        rows //= 2
    return rows


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
    size = min(size, rows_of_block(data.x[:1].numel()))
    size *= WIDER if device.type == "cuda" else 1
    with torch.inference_mode(), threads_for(BLOCK, parameters):
        found = [
            [part.cpu() for part in function(block.to(device))]
            for block in _blocks(data, size)
        ]
        return tuple(
            torch.cat(parts)[: len(data)] for parts in zip(*found, strict=True)
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
