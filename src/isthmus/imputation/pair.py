"""A masked network and a factor analysis, and what they expect together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isthmus.imputation.cells import places, proper, widened
from isthmus.likelihoods.by_column import ByColumn

if TYPE_CHECKING:
    from isthmus.imputation.held_out import Guessed
    from isthmus.imputation.linear import FactorAnalysis
    from isthmus.model import AutoencoderModule
    from isthmus.parts import Likelihood
    from isthmus.trace import Batch

STEPS = 10
"""The share of the network is a multiple of one tenth."""


class Pair(nn.Module):
    """Two that have learned the same rows: E[inputs | the cells seen], from each."""

    def __init__(self, network: AutoencoderModule, linear: FactorAnalysis) -> None:
        super().__init__()
        self.network, self.linear = network, linear
        self.where = places(network)

    def both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Expected inputs (B, I) of every entry, by the network and linearly."""
        network, x = self.network, batch.x
        params = network.decode(*network.encoded(batch))
        seen = torch.ones_like(x) if batch.visible is None else batch.visible
        seen = widened(seen, self.where)
        linear = self.linear(network.likelihood.view(x) * seen, seen)
        expected = _expected(network.likelihood, params)
        return proper(expected, self.where), proper(linear, self.where)


def _expected(likelihood: Likelihood, params: Tensor) -> Tensor:
    """E[view(x)|y], (B, I), where numbers are seen as they are, or by column."""
    if isinstance(likelihood, ByColumn):
        return likelihood.expected_view(params)
    return likelihood.mean(params)


def shares(pair: Pair, data: Batch, guesses: list[Guessed]) -> Tensor:
    """Share of the network in what is expected of each input, (I,).

    That of the least squared error of a number on cells held out, and of the least
    -log p of a category.
    """
    seen = torch.ones_like(data.x) if data.visible is None else data.visible
    x = pair.network.likelihood.view(data.x)
    known, found = widened(seen, pair.where), torch.zeros(x.shape[1])
    for place in pair.where:
        best, actual = torch.inf, x[:, place.inputs]
        for step in range(STEPS + 1):
            cost = 0.0
            for guess in guesses:
                mixed = torch.lerp(guess.linear, guess.network, step / STEPS)
                error = _cost(mixed[:, place.inputs], actual, place.content)
                cost += float((error * known[:, place.inputs.start]).sum())
            if cost < best:
                best, found[place.inputs] = cost, step / STEPS
    return found


def _cost(guess: Tensor, actual: Tensor, content: str) -> Tensor:
    """Of each row, (n,)."""
    if content == "category":  # an unknown level costs nothing
        likely = (guess * actual).sum(1).clamp_min(1e-6)
        return -likely.log() * actual.sum(1)
    return (guess - actual).square().sum(1)
