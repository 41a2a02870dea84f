"""Entries of a table, and where each stands in what an encoder sees of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from isthmus.errors import RecipeError
from isthmus.likelihoods.by_column import ByColumn

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.layout import Content, Layout
    from isthmus.model import AutoencoderModule


class Place(NamedTuple):
    """An entry: the cell it belongs to, and its inputs, one per level of a category."""

    cell: int
    entry: int
    content: Content
    inputs: slice


def places(module: AutoencoderModule) -> list[Place]:
    """Every entry of the layout of a module, in order."""
    layout: Layout = module.layout
    by_column = isinstance(module.likelihood, ByColumn)
    if not by_column and module.likelihood.inputs(layout.event) != layout.event:
        raise RecipeError(
            f"An imputer needs one input per cell, and {module.likelihood!r} has more. "
            f"Leave likelihood=None, or choose 'mixed'."
        )
    found: list[Place] = []
    start = 0
    for field in layout.fields:
        for _ in range(field.shape[0]):
            levels = (field.levels or 2) if field.content == "category" else 2
            stop = start + levels - 1  # an unknown level is no input
            entry = len(found)
            cell = entry if layout.cells is None else layout.cells[entry]
            found.append(Place(cell, entry, field.content, slice(start, stop)))
            start = stop
    return found


def widened(mask: Tensor, where: list[Place]) -> Tensor:
    """A mask of entries, (B, E), as one of inputs, (B, I)."""
    widths = torch.tensor([p.inputs.stop - p.inputs.start for p in where])
    return mask.repeat_interleave(widths.to(mask.device), -1)


def proper(inputs: Tensor, where: list[Place], least: float = 1e-3) -> Tensor:
    """Expected inputs (B, I) of which those of levels and of 0 or 1 are probabilities.

    A linear guess may lie outside of [0, 1], and levels may not add up to 1.
    """
    made = inputs.clone()
    for place in where:
        if place.content == "category":
            some = made[..., place.inputs].clamp_min(least)
            made[..., place.inputs] = some / some.sum(-1, keepdim=True)
        elif place.content in {"binary", "unit"}:
            made[..., place.inputs].clamp_(least, 1 - least)
    return made


def entries_of(inputs: Tensor, where: list[Place]) -> Tensor:
    """Entries (B, E) that expected inputs (B, I) stand for.

    Means of numbers, the most probable of two values or of many.
    """
    found = []
    for place in where:
        some = inputs[..., place.inputs]
        if place.content == "category":
            found.append(some.argmax(-1).to(inputs) + 1)
        elif place.content == "binary":
            found.append((some[..., 0] >= 0.5).to(inputs))
        elif place.content == "count":
            found.append(some[..., 0].expm1().clamp_min(0.0))
        else:
            found.append(some[..., 0])
    return torch.stack(found, -1)
