"""Memory of answers that nobody reads again serves the answers that come after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isthmus.replay.recorder import memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from isthmus.replay.recorder import Call


class Homes:
    """Where the answers of ``calls``, repeated in this order, are to lie.

    What is ``kept`` stays where it is, and so does what is not made here. An answer
    entry by entry takes the place of an argument that is read for the last time.
    """

    def __init__(self, calls: Sequence[Call], kept: Iterable[Tensor]) -> None:
        self.homes: dict[int, torch.UntypedStorage] = {}
        self.last = {place: i for i, call in enumerate(calls) for place in call.touched}
        self.free: dict[int, list[torch.UntypedStorage]] = {}
        settled = {memory(tensor) for tensor in kept}
        for i, call in enumerate(calls):
            settled |= {memory(t) for t in call.reads if memory(t) not in self.homes}
            for answer in call.answers:
                place = memory(answer)
                if place not in settled and place not in self.homes:
                    self.homes[place] = self._home(call, answer, i)
            for place in call.touched & self.homes.keys():
                if self.last[place] == i:
                    home = self.homes[place]
                    self.free.setdefault(home.nbytes(), []).append(home)

    def __call__(self, tensor: Tensor) -> Tensor:
        """The tensor at its home, without what autograd knows of it."""
        home = self.homes.get(memory(tensor))
        if home is None or home.data_ptr() == memory(tensor):
            return tensor.detach()
        shape = tensor.storage_offset(), tensor.size(), tensor.stride()
        return tensor.new_empty(0).set_(home, *shape)

    def _home(self, call: Call, answer: Tensor, now: int) -> torch.UntypedStorage:
        """Memory of an argument, or what is free and was in use last, or its own."""
        if torch.Tag.pointwise in call.function.tags and len(call.answers) == 1:
            for place in map(memory, call.reads):
                there = [t for t in call.reads if memory(t) == place]
                over = place in self.homes and self.last[place] == now
                if over and all(_same(tensor, answer) for tensor in there):
                    self.last[place] = -1  # not free, but handed over
                    return self.homes[place]
        free = self.free.get(answer.untyped_storage().nbytes())
        return free.pop() if free else answer.untyped_storage()


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether entries lie alike."""
    return (
        one.size() == other.size()
        and one.stride() == other.stride()
        and one.dtype == other.dtype
        and one.storage_offset() == other.storage_offset()
    )
