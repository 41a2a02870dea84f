"""Batches of one fixed size, so that an answer does not depend on its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isthmus.threads import threads_for
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = 2048
"""Rows of a block. A matrix product may round differently for other row counts."""


def in_blocks(
    function: Callable[[Batch], tuple[Tensor, ...]], data: Batch, module: nn.Module
) -> tuple[Tensor, ...]:
    """Apply a function of a batch block by block; the last is padded with zeros.

    The function asks ``module`` and answers with tensors of one row per example; they
    come back whole, on the processor. No gradients are kept.
    """
    rows = len(data)
    parameters = list(module.parameters())
    device = parameters[0].device
    answers: tuple[Tensor, ...] = ()
    with torch.inference_mode(), threads_for(BLOCK, parameters):
        for start in range(0, max(rows, 1), BLOCK):
            found = function(_block(data, start).to(device))
            if not answers:
                answers = tuple(
                    f.new_empty((rows, *f.shape[1:]), device="cpu") for f in found
                )
            stop = min(start + BLOCK, rows)
            for answer, part in zip(answers, found, strict=True):
                answer[start:stop] = part[: stop - start]
    return answers


def _block(data: Batch, start: int) -> Batch:
    visible = None if data.visible is None else _padded(data.visible, start)
    return Batch(_padded(data.x, start), visible)


def _padded(tensor: Tensor, start: int) -> Tensor:
    block = tensor[start : start + BLOCK]
    if len(block) == BLOCK:
        return block
    padded = tensor.new_zeros((BLOCK, *tensor.shape[1:]))
    padded[: len(block)] = block
    return padded
