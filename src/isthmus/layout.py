"""What one example is made of, known to every part as plain data."""

from __future__ import annotations

import functools
import math
from typing import Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from isthmus.spec import Spec

Content = Literal["real", "unit", "binary", "count", "level", "category"]
"""What an entry holds: a real number of scale about 1; a number from 0 to 1; 0 or 1; a
count 0, 1, 2, ...; the index 0, 1, 2, ... of a level; the index 1, 2, ... of a
category, 0 where it is unknown."""


class Field(Spec):
    """A run of entries of one content; ``shape`` is (width,) for a row of columns.

    ``levels`` counts the indices of entries that hold a level or a category.
    """

    content: Content = "real"
    shape: tuple[PositiveInt, ...] = (1,)
    levels: PositiveInt | None = None


class Layout(Spec):
    """The fields of one example, in order.

    An example is one field of any shape, or several flat fields side by side. Of its
    entries, flattened, ``cells`` numbers the cell of the user's data that each belongs
    to (None: each is a cell of its own), and ``weights`` says how much each counts in
    losses and scores (None: once).
    """

    fields: tuple[Field, ...]
    cells: tuple[NonNegativeInt, ...] | None = None
    weights: tuple[NonNegativeFloat, ...] | None = None

    @classmethod
    def of(cls, *shape: int, content: Content = "real") -> Layout:
        """One field: ``Layout.of(30)`` is a row of thirty real numbers."""
        return cls(fields=(Field(content=content, shape=shape),))

    @property
    def event(self) -> torch.Size:
        """Shape of one example."""
        if len(self.fields) == 1:
            return torch.Size(self.fields[0].shape)
        return torch.Size([sum(math.prod(field.shape) for field in self.fields)])

    @property
    def contents(self) -> frozenset[Content]:
        """Every content that occurs."""
        return frozenset(field.content for field in self.fields)

    def holding(self, *contents: Content) -> torch.Tensor:
        """A mask of shape ``event``: which entries hold one of these contents."""
        runs = [
            torch.full(field.shape, field.content in contents) for field in self.fields
        ]
        return runs[0] if len(runs) == 1 else torch.cat([run.flatten() for run in runs])

    def chance(self, x: torch.Tensor) -> torch.Tensor:
        """Draw from [0, 1) for each cell of ``x``: its entries share one draw."""
        if self.cells is None:
            return torch.rand_like(x)
        cells = _index(self.cells, x.device)
        rows = x.shape[: x.dim() - len(self.event)]
        shape = (*rows, max(self.cells) + 1)
        draws = torch.rand(shape, dtype=x.dtype, device=x.device)
        return draws.index_select(-1, cells).view(x.shape)


@functools.lru_cache(maxsize=64)
def _index(numbers: tuple[int, ...], device: torch.device) -> torch.Tensor:
    return torch.tensor(numbers, device=device)
