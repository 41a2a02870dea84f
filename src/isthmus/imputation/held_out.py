"""Known cells, hidden and guessed by those who have not learned their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from isthmus.data.blocks import in_blocks
from isthmus.imputation.cells import widened
from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from isthmus.imputation.cells import Place
    from isthmus.imputation.pair import Pair

HIDDEN = (0.1, 0.5, 0.8)
"""Shares of the known cells of a row that are hidden at a time."""

PARTS = 10
"""Into so many parts the cells of a row are dealt, if there are as many cells."""

FEW = 256
"""Rows of a block, where these are some of the rows: those of a fold, or with gaps."""


class Guessed(NamedTuple):
    """Guesses of every known cell, while a share of its row was hidden with it."""

    seen: float
    """Share of their rows that was seen, on average."""
    network: Tensor
    """(n, I): expected inputs, by the masked network; zero where a cell is missing."""
    linear: Tensor
    """(n, I): by factor analysis."""


def held_out(
    pairs: list[Pair], place: NDArray[np.int64], data: Batch, where: list[Place]
) -> list[Guessed]:
    """Guess every known cell of rows once for each share of `HIDDEN`.

    A row of fold k is guessed by pair k, which has left it out.
    """
    known = torch.ones_like(data.x) if data.visible is None else data.visible
    order = torch.Generator().manual_seed(0)
    cells = torch.tensor([p.cell for p in where])
    count = int(cells.max()) + 1
    parts = min(PARTS, count)
    draws = torch.rand(len(data), count, generator=order)
    part = (draws.argsort(1).argsort(1) % parts)[:, cells]
    found = []
    for share in HIDDEN:
        total, seen = [], []
        for hidden, judged in _turns(part, parts, max(round(share * parts), 1)):
            visible = known * ~hidden
            guesses = _guessed(pairs, place, Batch(data.x * visible, visible))
            counted = widened(known * judged, where)
            total.append([guess * counted for guess in guesses])
            often = (known * judged).sum(1)
            seen.append(torch.stack([visible.mean(1) @ often, often.sum()]))
        network, linear = (torch.stack(g).sum(0) for g in zip(*total, strict=True))
        some, often = torch.stack(seen).sum(0).tolist()
        found.append(Guessed(some / max(often, 1.0), network, linear))
    return found


def _turns(part: Tensor, parts: int, hidden: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Masks of what is hidden, and of what is judged, so that each is judged once."""
    step = max(n for n in range(1, hidden + 1) if parts % n == 0)
    for first in range(0, parts, step):
        turn = (part - first) % parts
        yield turn < hidden, turn < step


def _guessed(
    pairs: list[Pair], place: NDArray[np.int64], batch: Batch
) -> tuple[Tensor, Tensor]:
    whole: list[Tensor] = []
    for k, pair in enumerate(pairs):
        index = torch.from_numpy(np.flatnonzero(place == k))
        if not len(index):
            continue
        parts = in_blocks(pair.both, batch.rows(index), pair, FEW)
        if not whole:
            whole = [p.new_zeros(len(batch), p.shape[1]) for p in parts]
        for answers, here in zip(whole, parts, strict=True):
            answers[index] = here
    return whole[0], whole[1]
