"""What a training loop goes through: rows in memory, or rows from a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 4 * 2**20
"""Bytes of examples that are shuffled into a copy at a time: few enough that memory is
used again, and is still in the cache when a step reads it."""


class Examples(Protocol):
    """Rows that can be gone through in a fresh order, as often as one likes."""

    def __len__(self) -> int:
        """How many there are."""

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every row once, in batches of these sizes."""

    def some(self) -> Batch:
        """Some rows, or all of them."""


class InMemory:
    """All rows as one batch."""

    def __init__(self, data: Batch) -> None:
        self.data = data

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.data)

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every row once, in an order in which each is as likely as any other."""
        data = self.data
        fresh = torch.randperm(len(data), generator=order)
        per_chunk = batches_per_chunk(data, max(sizes))
        start = 0
        for first in range(0, len(sizes), per_chunk):
            part = sizes[first : first + per_chunk]
            index = fresh[start : start + sum(part)].to(data.x.device)
            start += sum(part)
            yield from data.rows(index).split(part)

    def some(self) -> Batch:
        """All rows."""
        return self.data


def batches_per_chunk(data: Batch, size: int) -> int:
    """How many batches of ``size`` rows are gathered at a time."""
    row = data.x.element_size() * max(data.x[0].numel(), 1)
    return max(CHUNK // (row * size), 1)


def sizes_of(rows: int, size: int) -> list[int]:
    """Batch sizes; a single last row joins the batch before it."""
    full, rest = divmod(rows, size)
    sizes = [size] * full + [rest] * (rest > 0)
    if len(sizes) > 1 and sizes[-1] == 1 < size:
        sizes[-2:] = [size + 1]
    return sizes
