"""Networks with labels in mind: features of an encoder, and a head on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from isthmus.data.blocks import in_blocks
from isthmus.pretraining.features import Features

if TYPE_CHECKING:
    from isthmus.data.blocks import Examples
    from isthmus.model import AutoencoderModule

LEAST = 1e-2
"""Smallest spread by which a feature is divided."""


class Network(nn.Module):
    """W (phi(x) - m) / s + b: a linear head on standardised features."""

    center: Tensor
    scale: Tensor

    def __init__(self, module: AutoencoderModule, outputs: int) -> None:
        super().__init__()
        self.encoder = Features(module)
        like = next(module.parameters())
        self.encoder.eval()
        with torch.no_grad():
            width = self.encoder(like.new_zeros(2, *module.event)).shape[1]
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.head = nn.Linear(width, outputs)
        self.to(like.device)

    def forward(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Answers (B, outputs): logits of classes, or one standardised number."""
        answers: Tensor = self.head(self.standardized(x, visible))
        return answers

    def standardized(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Features of mean 0 and spread 1 over the rows of pre-training."""
        found: Tensor = (self.encoder(x, visible) - self.center) / self.scale
        return found

    def standardize(self, data: Examples) -> None:
        """Learn means and spreads of the features."""
        (phi,) = in_blocks(lambda b: (self.encoder(b.x, b.visible),), data, self)
        self.center.copy_(phi.mean(0))
        self.scale.copy_(phi.std(0, correction=0).clamp_min(LEAST))


def answers(networks: list[Network], data: Examples) -> list[Tensor]:
    """Answers (n, outputs) of each network, whatever rows stand beside a row."""
    return [
        in_blocks(lambda b, n=net: (n(b.x, b.visible),), data, net)[0]  # type: ignore[misc]
        for net in networks
    ]


def features(network: Network, data: Any) -> Tensor:
    """Standardised features (n, F) of all examples."""
    (phi,) = in_blocks(lambda b: (network.standardized(b.x, b.visible),), data, network)
    return phi
