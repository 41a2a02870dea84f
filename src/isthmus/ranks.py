"""Several processes that train one model together: who am I, and what have all?"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import distributed

from isthmus.errors import warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """One of ``world_size`` processes; alone, what is asked of the others is free."""

    rank: int = 0
    world_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that speaks and writes for all."""
        return self.rank == 0

    def mine(self, rows: Tensor) -> Tensor:
        """Every ``world_size``-th row, from ``rank`` on."""
        return rows[self.rank :: self.world_size]

    def all_reduce(self, tensor: Tensor) -> None:
        """Replace a tensor by the sum over all processes, in place."""
        if self.world_size > 1:
            distributed.all_reduce(tensor)

    def all_gather(self, value: T) -> list[T]:
        """What each process has, in the order of their ranks."""
        if self.world_size == 1:
            return [value]
        found: list[Any] = [None] * self.world_size
        distributed.all_gather_object(found, value)
        return found

    def broadcast(self, tensor: Tensor) -> None:
        """Replace a tensor by that of the first process, in place."""
        if self.world_size > 1:
            distributed.broadcast(tensor, 0)


ALONE = Ranks()


def together() -> Ranks:
    """The place of this process in torch's default process group, if it is in one."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return Ranks(distributed.get_rank(), distributed.get_world_size())


@contextmanager
def joined() -> Iterator[Ranks]:
    """Be one of the processes that ``torchrun`` has started, inside the block."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        yield together()
        return
    backend = "gloo"
    if torch.cuda.is_available():  # pragma: no cover - needs a GPU
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    restarts = int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0"))
    shared = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if restarts and shared and os.environ.get("RANK") == "0":
        warn(
            "After a restart, processes may look for each other where they no longer "
            "are (pytorch/pytorch#135712). Set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 "
            "for torchrun."
        )
    distributed.init_process_group(backend)
    try:
        yield together()
        distributed.barrier()  # who is done waits for those that still write
    finally:
        distributed.destroy_process_group()


def restarted() -> bool:
    """Whether ``torchrun`` has started this process anew after one was lost."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
