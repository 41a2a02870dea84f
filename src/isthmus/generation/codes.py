"""Codes of the rows of fitting, and how far means given codes are from rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from isthmus.data.blocks import in_blocks
from isthmus.errors import RecipeError
from isthmus.training import seeded

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

CODES = 2**13
"""Codes from which a density is learned, at least: of few rows, several are drawn."""

OFTEN = 8
"""Codes that are drawn of one row, at most."""

ENOUGH = 2**15
"""Rows from which a density is learned, at most."""


def drawn(module: AutoencoderModule, data: Any, seed: int) -> tuple[Tensor, Tensor]:
    """Codes (T, n, D), T draws where the bottleneck draws, and x - E[x|z] of the first.

    Of a code without chance there is one draw.
    """
    random = "drawn at random" in module.recipe.bottleneck.traits()
    times = min(max(CODES // len(data), 1), OFTEN) if random else 1
    with seeded(seed, device_of(module)):
        z, errors = in_blocks(lambda b: _drawn(module, b), data, module)
        more = [
            in_blocks(lambda b: _drawn(module, b)[:1], data, module)[0]
            for _ in range(1, times)
        ]
    return torch.stack([z, *more]), errors


def refuse_what_cannot_be_decoded(module: AutoencoderModule) -> None:
    """Refuse networks of which a code alone says too little."""
    if module.past:
        raise RecipeError(
            f"Rows cannot be made of codes alone: {module.recipe.architecture!r} leads "
            f"more past them. Use an architecture without skips."
        )
    if module.grid and "from a codebook" in module.recipe.bottleneck.traits():
        raise RecipeError(
            "Vectors of a codebook at many places have no density that is fitted here. "
            "Use a Gaussian or a Dense bottleneck."
        )


def device_of(module: AutoencoderModule) -> torch.device:
    """Where the weights are."""
    return next(module.parameters()).device


def _drawn(module: AutoencoderModule, batch: Batch) -> tuple[Tensor, Tensor]:
    """Codes (B, D), drawn where the bottleneck draws, and x - E[x|z]."""
    features, _ = module.features(batch.x, module.context(batch))
    z = module.bottleneck(features).value
    z = z[0] if z.dim() == 3 else z
    return z, batch.x - module.likelihood.mean(module.decode(z))
