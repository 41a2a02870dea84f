"""Pairs of replicas that fill what is missing: once by means, or drawn many times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.blocks import in_blocks
from isthmus.imputation.cells import entries_of
from isthmus.imputation.held_out import FEW
from isthmus.trace import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.imputation.cells import Place
    from isthmus.imputation.domains import Domain
    from isthmus.imputation.donors import Donors
    from isthmus.imputation.pair import Pair

TRIES = 4
"""Draws of a number, at most, before it is brought into the range of its column."""

TURNS = 4
"""Cells of a row are drawn in so many turns, at most; later ones see earlier ones."""


class Filler(nn.Module):
    """What stands in missing cells, from the cells that are there.

    ``share``, (I,), is that of the network of each pair in what is expected; where
    numbers may lie, ``known`` says.
    """

    share: Tensor

    def __init__(
        self,
        pairs: list[Pair],
        share: Tensor,
        donors: Donors,
        known: dict[int, Domain],
    ) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(pairs)
        self.register_buffer("share", share)
        self.donors, self.known = donors, known

    @property
    def where(self) -> list[Place]:
        """Every entry, and its inputs."""
        pair: Pair = self.pairs[0]  # type: ignore[assignment]
        return pair.where

    def guess(self, batch: Batch) -> tuple[Tensor]:
        """Expected inputs (B, I), the mean over the pairs."""
        guesses = []
        for pair in self.pairs:
            network, linear = pair.both(batch)  # type: ignore[operator]
            guesses.append(torch.lerp(linear, network, self.share))
        return (torch.stack(guesses).mean(0),)

    def filled(self, data: Batch) -> NDArray[np.float32]:
        """Entries (n, E), the missing ones by what is expected of them."""
        (inputs,) = in_blocks(self.guess, data, self)
        for place in self.where:
            domain = self.known.get(place.cell)
            if domain is not None and self._first(place):
                some = inputs[:, place.inputs.start].numpy()
                some[:] = domain.clipped(some)  # which is the same memory
        return _merged(data, entries_of(inputs, self.where).numpy())

    def drawn(self, data: Batch, rng: np.random.Generator) -> NDArray[np.float32]:
        """Entries (n, E), the missing ones drawn from what is expected of them.

        Cells are drawn in turns, in an order of chance; each turn sees what the turns
        before have drawn, so that cells of a row fit each other (Uria et al., 2014).
        """
        if data.visible is None:
            return np.array(data.x)
        x, visible = data.x.clone(), data.visible.clone()
        cells = np.array([place.cell for place in self.where])
        wanting = np.unique(cells[(visible == 0).any(0).numpy()])
        for turn in np.array_split(rng.permutation(wanting), TURNS):
            rows = torch.from_numpy(
                np.flatnonzero((visible[:, np.isin(cells, turn)] == 0).any(1).numpy())
            )
            if not len(rows):
                continue
            some = Batch(x[rows], visible[rows])
            (inputs,) = in_blocks(self.guess, some, self, FEW)
            for cell in turn.tolist():
                self._draw_cell(cell, inputs.numpy(), (x, visible, rows), rng)
            here = np.isin(cells, turn)
            visible[:, here] = 1.0
        found: NDArray[np.float32] = x.numpy()
        return found

    def _draw_cell(
        self,
        cell: int,
        inputs: NDArray[np.float32],
        task: tuple[Tensor, Tensor, Tensor],
        rng: np.random.Generator,
    ) -> None:
        """Draw one cell of the rows that lack it."""
        x, visible, rows = task
        some = [place for place in self.where if place.cell == cell]
        gaps = (visible[rows][:, some[0].entry] == 0).numpy()
        seen = visible[rows[gaps]].mean(1).numpy()
        entries = [place.entry for place in some]
        if cell in self.known:
            guess = inputs[gaps, some[0].inputs.start]
            drawn = self._draw_number(cell, guess, seen, rng)
        else:
            drawn = np.stack([_chosen(inputs[gaps], p, rng) for p in some], 1)
        here = rows[torch.from_numpy(gaps)]
        x[here[:, None], torch.tensor(entries)] = torch.from_numpy(drawn)

    def _draw_number(
        self,
        cell: int,
        guess: NDArray[np.float32],
        seen: NDArray[np.float32],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Entries (n, width) around guesses (n,); what is out of range is drawn anew.

        After some tries it is brought to the nearest end.
        """
        domain = self.known[cell]
        drawn = self.donors.draw(cell, guess, seen, rng)
        for _ in range(TRIES):
            out = domain.clipped(drawn) != drawn
            if not out.any():
                break
            drawn[out] = self.donors.draw(cell, guess[out], seen[out], rng)
        return domain.encoded(domain.nearest(drawn))

    def _first(self, place: Place) -> bool:
        """Whether an entry is the first of its cell."""
        return place.entry == 0 or self.where[place.entry - 1].cell != place.cell


def _chosen(
    inputs: NDArray[np.float32], place: Place, rng: np.random.Generator
) -> NDArray[np.float32]:
    """One of two values, or of many levels, by their probabilities."""
    chances = inputs[:, place.inputs].astype(np.float64)
    luck = rng.random(len(chances))[:, None]
    if place.content == "category":
        below = chances.cumsum(1) / chances.sum(1, keepdims=True)
        return np.asarray((luck > below[:, :-1]).sum(1) + 1, np.float32)
    return np.asarray((luck < chances)[:, 0], np.float32)


def _merged(data: Batch, found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Found entries where those of the data are missing."""
    if data.visible is None:
        return np.asarray(data.x.numpy())
    return np.asarray(np.where(data.visible.numpy() > 0, data.x.numpy(), found))
