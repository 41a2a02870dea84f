"""Examples of which most entries are 0, kept as those that are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Self

import torch
from scipy.sparse import csr_matrix

from isthmus.data.blocks import rows_of_block
from isthmus.errors import DataError
from isthmus.ranks import ALONE, Ranks
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

MOST = 2**28
"""Entries of an answer that holds one for each of all examples: a gigabyte."""


@dataclass(frozen=True)
class Sparse:
    """Rows (n, width) as compressed sparse rows; only a batch of them is dense.

    Memory grows with the entries that are stored.
    """

    x: Tensor
    """(stored,): the entries, row after row; no place has two."""
    columns: Tensor
    """(stored,): where in its row each stands."""
    starts: Tensor
    """(n + 1,): where each row begins, and the last one ends."""
    width: int
    ranks: Ranks = ALONE
    """Who goes through the rows: of several processes each has its share of a batch."""
    visible: None = None
    """No entry is missing: what is not stored is 0."""

    @classmethod
    def of(cls, matrix: csr_matrix) -> Self:
        """Rows of a matrix without duplicates, in float32."""
        return cls(
            torch.tensor(matrix.data, dtype=torch.float32),
            torch.tensor(matrix.indices, dtype=torch.int32),
            torch.tensor(matrix.indptr, dtype=torch.int64),
            int(matrix.shape[1]),
        )

    def matrix(self) -> csr_matrix:
        """The rows as scipy has them."""
        parts = (self.x, self.columns, self.starts)
        shape = len(self), self.width
        return csr_matrix(tuple(part.cpu().numpy() for part in parts), shape)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.starts) - 1

    @property
    def event(self) -> torch.Size:
        """Shape of an example."""
        return torch.Size([self.width])

    def rows(self, index: Tensor) -> Sparse:
        """Pick the rows at ``index``, in that order."""
        index = index.to(self.starts.device)
        begin, lengths = self.starts[index], self.starts.diff()[index]
        starts = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        shift = (begin - starts[:-1]).repeat_interleave(lengths)
        places = shift + torch.arange(len(shift), device=shift.device)
        return replace(
            self, x=self.x[places], columns=self.columns[places], starts=starts
        )

    def part(self, start: int, stop: int) -> Sparse:
        """Rows from ``start`` up to ``stop``, without copying."""
        starts = self.starts[start : stop + 1]
        here = slice(int(starts[0]), int(starts[-1]))
        starts = starts - starts[0]
        return replace(self, x=self.x[here], columns=self.columns[here], starts=starts)

    def dense(self) -> Batch:
        """All rows with all their entries."""
        x = self.x.new_zeros(len(self), self.width)
        row = torch.repeat_interleave(self.starts.diff(), output_size=len(self.x))
        x.view(-1)[row * self.width + self.columns] = self.x
        return Batch(x)

    def refuse_whole(self) -> None:
        """Refuse to answer for every entry of more rows than memory may hold."""
        if len(self) * self.width > MOST:
            few, needed = MOST // self.width, 4 * len(self) * self.width / 2**30
            raise DataError(
                f"An answer for each of {self.width:,} columns of {len(self):,} rows "
                f"takes {needed:,.1f} GiB. Ask for fewer rows at a time, such as "
                f"{max(few, 1):,}."
            )

    def slice(self, start: int, stop: int) -> Batch:
        """Rows from ``start`` up to ``stop``."""
        return self.part(start, min(stop, len(self))).dense()

    def split(self, sizes: Sequence[int]) -> Iterator[Batch]:
        """Consecutive batches of these sizes."""
        for size, stop in zip(sizes, accumulate(sizes), strict=True):
            yield self.slice(stop - size, stop)

    def to(self, device: torch.device) -> Sparse:
        """Bring the rows to a device."""
        x, columns = self.x.to(device), self.columns.to(device)
        return replace(self, x=x, columns=columns, starts=self.starts.to(device))

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every row once, in an order in which each is as likely as any other."""
        for index in torch.randperm(len(self), generator=order).split(sizes):
            yield self.rows(self.ranks.mine(index)).dense()

    def lengths(self, sizes: list[int]) -> list[int]:
        """Every process has its share of a batch."""
        rank, world_size = self.ranks.rank, self.ranks.world_size
        return [len(range(rank, size, world_size)) for size in sizes]

    def some(self) -> Batch:
        """The first rows."""
        return self.slice(0, rows_of_block(self.width))
