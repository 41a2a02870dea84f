"""What an encoder makes of examples, layer by layer."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from isthmus.trace import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isthmus.model import AutoencoderModule


class Features(nn.Module):
    """phi(x): what each stage of an encoder is given, and the code, (B, F).

    A plain module: it takes examples (B, *event), with 1 where a cell is ``visible``
    and 0 where it is missing, and no labels, decoder or estimator. Of a table the
    first stage is given the entries themselves; of images and series the examples are
    left out, and maps are averaged over their places. The code is taken at its mode.
    In training mode examples are corrupted as they were in pre-training.
    """

    def __init__(self, module: AutoencoderModule) -> None:
        super().__init__()
        self.model = copy.deepcopy(module)
        self.model.decoder = nn.Identity()
        self.flat = len(module.event) == 1

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Features (B, F) of examples (B, *event)."""
        model, batch = self.model, Batch(x, visible)
        noisy = self.training and model.noisy
        corrupted = model.corrupt(batch) if noisy else None
        with tapped(self.stages()) as given:
            seen = x if corrupted is None else corrupted.x
            features, _ = model.features(seen, model.context(batch, corrupted))
        code = model.bottleneck.mode(features)
        kept = given if self.flat else given[1:]
        return torch.cat([*(_flat(one) for one in kept), code], 1)

    def stages(self) -> list[nn.Module]:
        """Layers of the encoder one after another, those with matrices."""
        return stages(self.model.encoder)


def stages(encoder: nn.Module) -> list[nn.Module]:
    """Layers of an encoder one after another, those with matrices."""
    chains = (nn.Sequential, nn.ModuleList)
    chain: Any = next((m for m in encoder.modules() if isinstance(m, chains)), ())
    return [m for m in chain if any(p.dim() > 1 for p in m.parameters())]


@contextmanager
def tapped(stages: list[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect what modules are given while they work."""
    found: list[Tensor] = []

    def collect(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
        found.append(given[0])

    hooks = [stage.register_forward_pre_hook(collect) for stage in stages]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _flat(given: Tensor) -> Tensor:
    """Vectors as they are; maps (B, channels, *places) as their means."""
    return given if given.dim() == 2 else given.flatten(2).mean(2)
