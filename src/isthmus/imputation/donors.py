"""By how much guesses of numbers are wrong: errors of cells held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from isthmus.scores.role import Buffers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from isthmus.imputation.cells import Place
    from isthmus.imputation.held_out import Guessed
    from isthmus.trace import Batch

MOST = 1000
"""Errors that are kept of a column, for each share of cells that are seen."""

SHARE, FEWEST, NEAREST = 0.1, 20, 50
"""An error is drawn from the tenth with the nearest guesses, but 20 to 50 of them."""


class Donors(Buffers):
    """Errors of a column, in the order of the guesses that they belong to.

    A draw is a guess plus the error of one of the nearest guesses held out (local
    residual draws: Morris et al., 2014), while about as many cells were seen: so draws
    vary as much as cells do around such a guess, whatever that depends on.
    """

    seen: Tensor
    """(L,): shares of the cells that were seen."""
    cells: Tensor
    """(C,): which cells of a row hold numbers."""
    guesses: Tensor
    """(L, C, D): in order, and then infinity."""
    errors: Tensor
    """(L, C, D)."""

    @classmethod
    def learned(
        cls, data: Batch, guesses: list[Guessed], share: Tensor, numbers: list[Place]
    ) -> Self:
        """From the guesses of all cells that hold ``numbers``."""
        step = -(-len(data) // MOST)
        x = data.x[::step]
        known = None if data.visible is None else data.visible[::step] > 0
        shape = len(guesses), len(numbers), len(x)
        ordered, errors = torch.full(shape, torch.inf), torch.zeros(shape)
        for level, guess in enumerate(guesses):
            mixed = torch.lerp(guess.linear, guess.network, share)[::step]
            for j, place in enumerate(numbers):
                expected = mixed[:, place.inputs.start]
                rows = slice(None) if known is None else known[:, place.entry]
                order = expected[rows].argsort(stable=True)
                count = len(order)
                ordered[level, j, :count] = expected[rows][order]
                actual = _as_input(x[:, place.entry], place)
                errors[level, j, :count] = (actual - expected)[rows][order]
        return cls(
            seen=torch.tensor([guess.seen for guess in guesses]),
            cells=torch.tensor([place.cell for place in numbers], dtype=torch.long),
            guesses=ordered,
            errors=errors,
        )

    def draw(
        self,
        cell: int,
        guess: NDArray[np.float32],
        seen: NDArray[np.float32],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Guesses (n,) of a cell plus errors, where a share ``seen`` (n,) was seen."""
        j = self.cells.tolist().index(cell)
        found = guess.copy()
        levels = np.abs(seen[:, None] - self.seen.numpy()).argmin(1)
        for level in np.unique(levels):
            here = np.flatnonzero(levels == level)
            ordered: Any = self.guesses[int(level), j].numpy()
            count = int(np.isfinite(ordered).sum())
            if not count:
                continue
            width = min(max(int(SHARE * count), FEWEST), NEAREST, count)
            middle = np.searchsorted(ordered[:count], guess[here])
            first = np.clip(middle - width // 2, 0, count - width)
            picked = first + rng.integers(width, size=len(here))
            found[here] += self.errors[int(level), j].numpy()[picked]
        return found


def _as_input(entries: Tensor, place: Place) -> Tensor:
    return entries.log1p() if place.content == "count" else entries
