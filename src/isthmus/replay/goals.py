"""Answers that are only copied are computed where they are copied to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isthmus.replay.recorder import memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isthmus.replay.recorder import Call

COPY = torch.ops.aten.copy_.default
PRODUCTS = {torch.ops.aten.mm.default, torch.ops.aten.bmm.default}


def in_place(calls: list[Call], shown: set[int]) -> list[Call]:
    """Drop copies of answers that nobody else reads: compute them where they go."""
    makers = {memory(a): i for i, call in enumerate(calls) for a in call.answers}
    readers: dict[int, int] = {}
    for call in calls:
        for place in set(map(memory, call.reads)):
            readers[place] = readers.get(place, 0) + 1
    found: list[Call | None] = list(calls)
    for i, call in enumerate(calls):
        if call.function is not COPY:
            continue
        goal, source = call.args[:2]
        maker = makers.get(memory(source))
        if maker is None or readers[memory(source)] > 1 or memory(source) in shown:
            continue
        made = calls[maker]
        if made.writes or len(made.answers) > 1 or goal.requires_grad:
            continue
        made, source = _turned(made, source)
        (answer,) = made.answers
        if not _alike(answer, source, goal) or _busy(calls[maker : i + 1], goal):
            continue
        place = goal.as_strided(answer.size(), answer.stride(), goal.storage_offset())
        found[maker], found[i] = replace(made, answers=[place]), None
    return [call for call in found if call is not None]


def _turned(made: Call, source: Tensor) -> tuple[Call, Tensor]:
    """A product of which the transpose is copied, and its copy: (A B)^T is B^T A^T.

    Only where that gives the same bits, which is tried.
    """
    (answer,) = made.answers
    if made.function not in PRODUCTS or not answer.is_contiguous():
        return made, source
    if (source.size(), source.stride()) != (answer.mT.size(), answer.mT.stride()):
        return made, source
    one, other = made.args
    product = made.function(other.mT, one.mT)
    if not torch.equal(product, made.function(one, other).mT):
        return made, source
    return replace(made, args=(other.mT, one.mT), answers=[product]), product


def _busy(calls: Sequence[Call], goal: Tensor) -> bool:
    """Whether any but the last call has to do with the memory of the goal.

    Copies to other places of it, as to the gradients of other parameters, do not count.
    """
    for call in calls[:-1]:
        elsewhere = (
            call.function is COPY
            and call.args[0].data_ptr() != goal.data_ptr()
            and memory(call.args[1]) != memory(goal)
        )
        if memory(goal) in call.touched and not elsewhere:
            return True
    return False


def _alike(answer: Tensor, source: Tensor, goal: Tensor) -> bool:
    """Whether a view of the whole answer lies in memory as the goal does."""
    same = source.size() == goal.size() and source.stride() == goal.stride()
    whole = source.numel() == answer.numel() and source.dtype == goal.dtype
    dense = answer.is_contiguous() and answer.storage_offset() == 0
    return same and whole and dense and source.storage_offset() == 0
