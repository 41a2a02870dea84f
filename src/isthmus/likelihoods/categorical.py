"""Categorical likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import torch
from pydantic import Field
from torch import Size

from isthmus.errors import RecipeError
from isthmus.layout import Content
from isthmus.parts import Likelihood

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Layout


class Categorical(Likelihood):
    """log p = log softmax(y)_x for an entry x in 0, ..., ``levels`` - 1.

    y holds one logit per level on a new last axis; the encoder sees x one-hot.
    """

    explains: ClassVar[frozenset[Content]] = frozenset({"level"})
    prefers: ClassVar[Content] = "level"
    logits: ClassVar[bool] = True

    levels: Annotated[int, Field(ge=2)] = 2

    def on(self, layout: Layout) -> Self:
        """Refuse columns of more levels than there are logits."""
        super().on(layout)
        for field in layout.fields:
            if field.levels is not None and field.levels > self.levels:
                raise RecipeError(
                    f"Categorical: levels={self.levels}, but the data has "
                    f"{field.levels} levels. Use Categorical(levels={field.levels})."
                )
        return self

    def view(self, x: Tensor) -> Tensor:
        """One-hot, (..., *event, levels)."""
        levels = torch.arange(self.levels, device=x.device)
        return (self._index(x).unsqueeze(-1) == levels).to(x)

    def inputs(self, event: Size) -> Size:
        """One entry per level."""
        return self.params(event)

    def params(self, event: Size) -> Size:
        """One logit per level."""
        return Size([*event, self.levels])

    def log_prob(self, params: Tensor, x: Tensor) -> Tensor:
        """Log probability of the level that each entry has."""
        index = self._index(x).expand(params.shape[:-1]).unsqueeze(-1)
        return params.log_softmax(-1).gather(-1, index).squeeze(-1)

    def mean(self, params: Tensor) -> Tensor:
        """The most probable level."""
        return params.argmax(-1).to(params)

    def sample(self, params: Tensor) -> Tensor:
        """A level."""
        level: Tensor = torch.distributions.Categorical(logits=params).sample()
        return level.to(params)

    def _index(self, x: Tensor) -> Tensor:
        return x.round().long()
