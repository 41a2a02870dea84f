"""How many processor threads a network is worth."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGE = 2**25
"""Multiply-adds of one layer on one batch, below which one thread is used."""


@contextmanager
def threads_for(rows: int, parameters: Iterable[torch.Tensor]) -> Iterator[None]:
    """Compute on one thread inside the block, where all layers are small.

    The number of threads is put back after it.
    """
    before = torch.get_num_threads()
    largest = max((p.numel() for p in parameters), default=0)
    few = before > 1 and rows * largest < LARGE
    if few:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if few:
            torch.set_num_threads(before)
