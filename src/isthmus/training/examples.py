"""What a training loop goes through: rows in memory, or rows from a disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import torch

from isthmus.ranks import ALONE, Ranks
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

CHUNK = 4 * 2**20
"""Bytes of examples that are shuffled into a copy at a time: few enough that memory is
used again, and is still in the cache when a step reads it."""


class Examples(Protocol):
    """Rows that can be gone through in a fresh order, as often as one likes."""

    def __len__(self) -> int:
        """How many there are, of all processes that train together."""

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every row once, in batches of these sizes.

        Of several processes each gets the rows of a batch that are its own.
        """

    def lengths(self, sizes: list[int]) -> list[int]:
        """How many rows batches of these sizes have here, where that is known."""

    def some(self) -> Batch:
        """Some rows, or all of them; of several processes, at least one row each."""


class InMemory:
    """All rows as one batch; each of several processes has all, and uses its share."""

    def __init__(self, data: Batch, ranks: Ranks = ALONE) -> None:
        self.data, self.ranks = data, ranks

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
            index = fresh[start : start + sum(part)]
            start += sum(part)
            if self.ranks.world_size > 1:
                mine = [self.ranks.mine(rows) for rows in index.split(part)]
                index, part = torch.cat(mine), list(map(len, mine))
            yield from data.rows(index.to(data.x.device)).split(part)

    def lengths(self, sizes: list[int]) -> list[int]:
        """Every process has its share of a batch."""
        rank, world_size = self.ranks.rank, self.ranks.world_size
        return [len(range(rank, size, world_size)) for size in sizes]

    def some(self) -> Batch:
        """All rows."""
        return self.data


D = TypeVar("D", bound="Placeable")


class Placeable(Protocol):
    """Values and masks that can be brought to a device."""

    @property
    def x(self) -> Tensor:
        """The values."""

    @property
    def visible(self) -> Tensor | None:
        """Which of them are there."""

    def to(self, device: torch.device) -> Self:
        """Bring them there."""


def placed(data: D, device: torch.device) -> D:
    """Examples on the device, where they leave half of its free memory to the rest.

    Else they stay where they are, and batches are brought to it one by one.
    """
    masks = 0 if data.visible is None else data.visible.nbytes
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if 2 * (data.x.nbytes + masks) > free:
            return data
    return data.to(device)


def batches_per_chunk(data: Batch, size: int) -> int:
    """How many batches of ``size`` rows are gathered at a time."""
    row = data.x.element_size() * max(data.event.numel(), 1)
    return max(CHUNK // (row * size), 1)


def sizes_of(rows: int, size: int) -> list[int]:
    """Batch sizes; a single last row joins the batch before it."""
    full, rest = divmod(rows, size)
    sizes = [size] * full + [rest] * (rest > 0)
    if len(sizes) > 1 and sizes[-1] == 1 < size:
        sizes[-2:] = [size + 1]
    return sizes
