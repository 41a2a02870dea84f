"""How a processor computes: on how many threads, and with which smallest numbers."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGE = 2**25
"""Multiply-adds of one layer on one batch, below which one thread is used."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block; the number is put back after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def threads_for(rows: int, parameters: Iterable[torch.Tensor]) -> Iterator[None]:
    """Compute on one thread inside the block, where all layers are small."""
    largest = max((p.numel() for p in parameters), default=0)
    few = torch.get_num_threads() > 1 and rows * largest < LARGE
    with one_thread() if few else nullcontext():
        yield


@contextmanager
def flushed() -> Iterator[None]:
    """Take numbers below 1e-38 for 0 inside the block, on the thread that calls.

    Means of gradients that have died out come to that, and processors are slow with
    such numbers. What held before holds again after it.
    """
    before = bool(torch.full((), 1e-40) * 0.5 == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
