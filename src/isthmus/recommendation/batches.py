"""Rows of a sparse matrix as dense batches, one batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy.sparse import csr_matrix


class Batches:
    """What a training loop goes through, and what answers are computed from."""

    def __init__(self, rows: csr_matrix, *, thin: bool = False) -> None:
        self.rows, self.form = rows, sparse if thin else dense

    def __len__(self) -> int:
        """Return the number of users."""
        return int(self.rows.shape[0])

    @property
    def event(self) -> torch.Size:
        """Shape of an example: its items."""
        return torch.Size(self.rows.shape[1:])

    def shuffled(self, order: torch.Generator, sizes: list[int]) -> Iterator[Batch]:
        """Every user once, in an order in which each is as likely as any other."""
        fresh = torch.randperm(len(self), generator=order)
        for index in fresh.split(sizes):
            yield self.form(self.rows[index.numpy()])

    def lengths(self, sizes: list[int]) -> list[int]:
        """How many users batches of these sizes have here."""
        return sizes

    def some(self) -> Batch:
        """The first users."""
        return self.slice(0, 1024)

    def slice(self, start: int, stop: int) -> Batch:
        """Users from ``start`` up to ``stop``."""
        return dense(self.rows[start:stop])


def sparse(rows: csr_matrix) -> Batch:
    """A batch of these users whose x is sparse."""
    users = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    at = torch.from_numpy(np.stack([users, rows.indices]))
    values, size = torch.from_numpy(rows.data), list(rows.shape)
    x = torch.sparse_coo_tensor(at, values, size, check_invariants=False)
    return Batch(x)


def dense(rows: csr_matrix) -> Batch:
    """A batch of these users."""
    return Batch(torch.from_numpy(rows.toarray()))
