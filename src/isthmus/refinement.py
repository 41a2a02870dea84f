"""Codes that say more of their rows than an encoder's first answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.utils.validation import check_is_fitted

from isthmus.data.blocks import in_blocks
from isthmus.errors import RecipeError
from isthmus.training.adam import Adam
from isthmus.training.schedules import factor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from isthmus.model import AutoencoderModule
    from isthmus.trace import Batch

STRIDE = 0.05
"""Length of a first step, as a share of the root mean square of a row's features."""


def refine(model: Any, X: Any, *, steps: int = 50) -> NDArray[np.float32]:
    """Codes (n, size) of rows of ``X`` that went down -log p(x|z), each its own row's.

    An encoder answers at once, and for rows that it has not met not as well as its
    decoder would allow (Cremer et al., 2018). Its answer is where ``steps`` of Adam
    start; the fitted ``model`` stays as it is. No row ends up worse than it began, and
    none makes a difference to another. Only p(x|z) is asked, not what a code costs or
    which codes a prior holds likely. A step takes about three passes of the decoder.

    ``model.inverse_transform`` brings the codes back. A code that cannot be moved a
    little, such as an entry of a codebook, is refused.
    """
    check_is_fitted(model)
    if steps < 1:
        raise RecipeError(f"steps must be 1 or more. Got {steps}.")
    module: AutoencoderModule = model.module_
    bottleneck = module.recipe.bottleneck
    if "differentiable" not in bottleneck.traits():
        raise RecipeError(
            f"A code of {bottleneck!r} cannot be moved a little, so that there is "
            f"nothing to refine. Use transform, or another bottleneck."
        )
    batch = model._read(X)[1]  # noqa: SLF001 - as its transform does
    (z,) = in_blocks(lambda rows: (_descend(module, rows, steps),), batch, module)
    return z.numpy()


def _descend(module: AutoencoderModule, batch: Batch, steps: int) -> torch.Tensor:
    """Codes (B, D): the features move, so that codes stay what the bottleneck makes."""
    with torch.inference_mode(mode=False), torch.no_grad():
        batch = batch.rows(torch.arange(len(batch), device=batch.x.device))
        judged = module.judged(batch)
        start, past = module.features(batch.x, module.context(batch))
        scale = STRIDE * start.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-6)

        def cost(features: torch.Tensor) -> torch.Tensor:
            params = module.decode(module.bottleneck.mode(features), past)
            dims = len(module.event)
            return module.likelihood.distortion(params, batch.x, judged, dims)

        moved = torch.zeros_like(start, requires_grad=True)
        rule = Adam([{"params": [moved]}], lr=1.0)
        for step in range(steps):
            with torch.enable_grad():
                total = cost(start + scale * moved).sum()
            (moved.grad,) = torch.autograd.grad(total, moved)
            rule.param_groups[0]["lr"] = factor("cosine", step / steps)
            rule.step()
        end = start + scale * moved
        better = (cost(end) < cost(start)).unsqueeze(-1)
        return module.bottleneck.mode(torch.where(better, end, start))
