"""Fine-tuning: networks that each leave out a fold, and stop together."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from isthmus.threads import flushed, threads_for
from isthmus.trace import Batch
from isthmus.training import seeded
from isthmus.training.adam import Adam

if TYPE_CHECKING:
    from isthmus.pretraining.heads import Goal
    from isthmus.pretraining.network import Network


class Pace(NamedTuple):
    """How fast and how long networks are fine-tuned."""

    rate: float = 3e-4
    """Step size of the head."""
    decay: float = 0.5
    """Factor of the step size from each stage to the one before it."""
    weight_decay: float = 1e-2
    steps: int | None = None
    """Steps at most; by default 600, or as many as make ``passes``, if that is more."""
    passes: int = 15
    batch: int = 64
    """Labelled rows of a step, at most."""
    every: int = 20
    """Steps between two looks at the rows that are left out; at least a fifth of a
    pass."""
    patience: int = 8
    """Looks without a lower loss after which training ends."""
    dropout: float = 0.2
    """Share of the features that are hidden from the head."""
    shift: int = 0
    """Pixels by which images are shifted at most, both ways along both axes."""
    seed: int = 0


def groups(network: Network, pace: Pace) -> list[dict[str, Any]]:
    """Parameters with the step size of their stage; the first stage has the least."""
    stages = network.encoder.stages()
    found: list[dict[str, Any]] = [
        {"params": list(network.head.parameters()), "lr": pace.rate}
    ]
    for depth, stage in enumerate(reversed(stages), 1):
        found.append(
            {"params": list(stage.parameters()), "lr": pace.rate * pace.decay**depth}
        )
    taken = {id(p) for group in found for p in group["params"]}
    rest = [p for p in network.parameters() if id(p) not in taken]
    if rest:
        found.append({"params": rest, "lr": pace.rate * pace.decay})
    decay = pace.weight_decay
    return [{**g, "base": g["lr"], "weight_decay": decay} for g in found]


class Course(NamedTuple):
    """How fine-tuning went."""

    losses: list[float]
    """Loss of the rows that are left out, at every look; the first is before it."""
    steps: list[int]
    best: int
    """Step whose weights were kept."""


class Tuner:
    """Trains networks in step with each other, each on its part of the labelled rows.

    Every so often all are asked about the rows they leave out; the weights are kept
    with which the loss over all of these is least: those of the start, too.
    """

    def __init__(
        self,
        networks: list[Network],
        data: Batch,
        goal: Goal,
        parts: list[tuple[Tensor, Tensor]],
        pace: Pace,
    ) -> None:
        self.networks, self.data, self.goal = networks, data, goal
        self.parts, self.pace = parts, pace
        self.device = next(networks[0].parameters()).device
        self.optimizers = [
            Adam(groups(net, pace), lr=pace.rate, decoupled=True) for net in networks
        ]

    def run(self) -> Course:
        """Train, and keep the best weights."""
        pace, longest = self.pace, max(len(learn) for learn, _ in self.parts)
        batch = min(pace.batch, longest)
        each = math.ceil(longest / batch)
        steps = pace.steps or max(600, pace.passes * each)
        every = min(max(pace.every, each // 5), steps)
        losses, looks, best, stale = [self.loss()], [0], 0, 0
        kept = self.weights()
        parameters = list(self.networks[0].parameters())
        with seeded(pace.seed, self.device), threads_for(batch, parameters), flushed():
            orders = [_endless(len(learn), batch) for learn, _ in self.parts]
            for step in range(1, steps + 1):
                share = 0.5 * (1 + math.cos(math.pi * step / steps))
                share *= min(step / 20, 1)
                for k, order in enumerate(orders):
                    self.step(k, next(order), share)
                if step % every and step < steps:
                    continue
                losses.append(self.loss())
                looks.append(step)
                stale += 1
                if losses[-1] < min(losses[:-1]):
                    best, stale, kept = step, 0, self.weights()
                if stale >= pace.patience:
                    break
        for network, weights in zip(self.networks, kept, strict=True):
            network.load_state_dict(weights)
            network.eval()
        return Course(losses, looks, best)

    def step(self, k: int, drawn: Tensor, share: float) -> None:
        """One step of one network."""
        network, optimizer = self.networks[k], self.optimizers[k]
        for group in optimizer.param_groups:
            group["lr"] = group["base"] * share
        rows = self.parts[k][0][drawn]
        some = self.data.rows(rows).to(self.device)
        if self.pace.shift:
            some = shifted(some, self.pace.shift)
        network.train()
        phi = network.standardized(some.x, some.visible)
        phi = nn.functional.dropout(phi, self.pace.dropout)
        loss = self.goal.losses(network.head(phi).cpu(), rows).mean()
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        loss.backward()
        optimizer.step()

    @torch.no_grad()
    def loss(self) -> float:
        """Mean loss over the rows that are left out."""
        total = count = 0.0
        for network, (_, check) in zip(self.networks, self.parts, strict=True):
            network.eval()
            for rows in check.split(1024):
                some = self.data.rows(rows).to(self.device)
                answers = network(some.x, some.visible).cpu()
                total += float(self.goal.losses(answers, rows).sum())
            count += len(check)
        return total / count

    def weights(self) -> list[dict[str, Tensor]]:
        """Copies of the weights of all networks."""
        return [copy.deepcopy(network.state_dict()) for network in self.networks]


def shifted(images: Batch, most: int) -> Batch:
    """Images (B, channels, height, width) moved by one draw; borders are repeated."""
    down, right = torch.randint(0, 2 * most + 1, (2,)).tolist()
    height, width = images.event[-2:]

    def moved(x: Tensor) -> Tensor:
        wide = nn.functional.pad(x, (most,) * 4, mode="replicate")
        return wide[..., down : down + height, right : right + width]

    seen = images.visible
    return Batch(moved(images.x), None if seen is None else moved(seen))


def _endless(rows: int, batch: int) -> Any:
    """Batches of places in a fresh order, pass after pass, each full."""
    order = torch.randperm(rows)
    while True:
        while len(order) >= batch:
            yield order[:batch]
            order = order[batch:]
        order = torch.cat([order, torch.randperm(rows)])
