"""What one example is made of, known to every part as plain data."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import PositiveInt

from isthmus.spec import Spec

Content = Literal["real", "unit", "count", "level"]
"""What an entry holds: a real number of scale about 1; a number from 0 to 1; a count
0, 1, 2, ...; the index 0, 1, 2, ... of a level."""


class Field(Spec):
    """A run of entries of one content; ``shape`` is (width,) for a row of columns.

    ``levels`` counts the levels of entries that hold a level.
    """

    content: Content = "real"
    shape: tuple[PositiveInt, ...] = (1,)
    levels: PositiveInt | None = None


class Layout(Spec):
    """The fields of one example, in order.

    An example is one field of any shape, or several flat fields side by side.
    """

    fields: tuple[Field, ...]

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
