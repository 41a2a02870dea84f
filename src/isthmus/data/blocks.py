"""Batches of one fixed size, so that an answer does not depend on its neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn

from isthmus.alignment import Aligned
from isthmus.threads import threads_for
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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


class Examples(Protocol):
    """Examples in memory, or looked up as they are asked for."""

    def __len__(self) -> int:
        """How many there are."""

    @property
    def event(self) -> Sequence[int]:
        """Shape of an example."""

    def slice(self, start: int, stop: int) -> Batch:
        """Examples from ``start`` up to ``stop``."""


PLACES = 2**17
"""Entries of a block of images or windows, about: convolutions make many of each."""


def size_of_block(event: Sequence[int]) -> int:
    """Rows of a block of examples of this shape."""
    entries = math.prod(event)
    if len(event) < 2:
        return rows_of_block(entries)
    return min(max(PLACES // entries, 8), FEWEST)


def in_blocks(
    function: Callable[[Batch], tuple[Tensor, ...]],
    data: Examples,
    module: nn.Module,
    size: int = BLOCK,
) -> tuple[Tensor, ...]:
    """Apply a function of a batch block by block; the last is padded with zeros.

    The function asks ``module`` and answers with tensors of one row per example; they
    come back whole, on the processor. No gradients are kept.
    """
    parameters = list(module.parameters())
    device = parameters[0].device
    size = min(size, size_of_block(data.event))
    size *= WIDER if device.type == "cuda" else 1
    with torch.inference_mode(), threads_for(BLOCK, parameters), Aligned():
        whole: list[Tensor] = []
        for k, block in enumerate(_blocks(data, size)):
            parts = function(block.to(device))
            if not whole:  # small answers kept one by one would stand in the way of
                shapes = [(len(data), *part.shape[1:]) for part in parts]  # large ones
                pairs = zip(parts, shapes, strict=True)
                whole = [part.new_empty(shape, device="cpu") for part, shape in pairs]
            for answer, part in zip(whole, parts, strict=True):
                here = answer[k * size : (k + 1) * size]
                here.copy_(part[: len(here)])
        return tuple(whole)


def _blocks(data: Examples, size: int) -> Iterator[Batch]:
    """Full blocks, and a padded copy of the rows that are left; at least one."""
    count = len(data)
    for start in range(0, max(count, 1), size):
        block = data.slice(start, min(start + size, count))
        if len(block) < size:
            visible = None if block.visible is None else _padded(block.visible, size)
            block = Batch(_padded(block.x, size), visible)
        yield block


def _padded(tensor: Tensor, size: int) -> Tensor:
    padded = tensor.new_zeros((size, *tensor.shape[1:]))
    padded[: len(tensor)] = tensor
    return padded
