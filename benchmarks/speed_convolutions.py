"""How fast are convolutions trained, beside a loop by hand?

An autoencoder of grey pictures, 28 x 28: two levels of 16 and 32 channels that halve
both axes, a residual block at each, a code of 32 numbers, and back (He et al., 2016);
SiLU, squared error, Adam, batches of 128. By hand: the same layers, written out, in the
shortest loop that a careful engineer would write, with a fused Adam and channels last;
and the same with channels first. Both have as many weights, which is checked. The
floor is the arithmetic of the convolutions and products at the best rate of products
of 2,048 on this machine.

Contestants take turns in rounds, the order turns about, and a ratio is taken within a
round; one round before the first warms up. Above 1 is faster than by hand.

    python benchmarks/speed_convolutions.py [--threads 1] [--rounds 5] [--quick]

Results are appended to a file.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from importlib.metadata import version
from itertools import pairwise

import torch
from results_file import append
from torch import nn
from torch.nn import functional

import isthmus
from isthmus.architectures.conv2d import Conv2d
from isthmus.trace import Batch
from isthmus.training import Trainer, Training

SIDE, CHANNELS, CODE, BATCH, RATE = 28, (16, 32), 32, 128, 1e-3
COLUMNS = ["date", "machine", "torch", "isthmus", "threads", "pictures", "contestant"]
COLUMNS += ["seconds_per_epoch", "ratio", "lower_quartile", "upper_quartile", "rounds"]


class Block(nn.Module):
    """h + a f(h), a learned from 0."""

    def __init__(self, channels):
        super().__init__()
        self.one = nn.Conv2d(channels, channels, 3, padding=1)
        self.two = nn.Conv2d(channels, channels, 3, padding=1)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, h):
        """The block's answer beside its input."""
        inner = self.one(functional.silu(h))
        return h + self.share * self.two(functional.silu(inner))


class ByHand(nn.Module):
    """The same layers, written out."""

    def __init__(self):
        super().__init__()
        down, up = [], []
        for a, b in pairwise([1, *CHANNELS]):
            down += [nn.Conv2d(a, b, 2, 2), Block(b)]
        for a, b in pairwise([*CHANNELS[::-1], CHANNELS[0] // 2]):
            up += [Block(a), nn.ConvTranspose2d(a, b, 2, 2)]
        place = SIDE // 2 ** len(CHANNELS)
        self.encoder = nn.Sequential(
            *down, nn.Flatten(), nn.Linear(CHANNELS[-1] * place**2, CODE)
        )
        self.decoder = nn.Sequential(
            nn.Linear(CODE, CHANNELS[-1] * place**2),
            nn.Unflatten(1, (CHANNELS[-1], place, place)),
            *up,
            nn.SiLU(),
            nn.Conv2d(CHANNELS[0] // 2, 1, 3, padding=1),
        )

    def forward(self, x):
        """The picture again."""
        return self.decoder(self.encoder(x))


def by_hand(x, epochs, form):
    """Seconds per epoch."""
    torch.manual_seed(0)
    model = ByHand().to(memory_format=form)
    x = x.unsqueeze(1).contiguous(memory_format=form)
    rule = torch.optim.Adam(model.parameters(), RATE, fused=True)
    started = time.perf_counter()
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(BATCH):
            batch = x[index]
            rule.zero_grad()
            loss = (model(batch) - batch).square().sum((1, 2, 3)).mean()
            loss.backward()
            rule.step()
    return (time.perf_counter() - started) / epochs


def ours(x):
    """An estimator whose module is built for pictures like these."""
    model = isthmus.Autoencoder(
        size=CODE,
        architecture=Conv2d(channels=CHANNELS),
        likelihood="mse",
        training=Training(learning_rate=RATE, batch_size=BATCH, patience=0),
        validation=0,
        verbose=0,
    )
    model.prepared(x[:500].numpy())
    return model


def by_isthmus(x, epochs):
    """Seconds per epoch."""
    model = ours(x)
    trainer = Trainer(model.module_, model.training.changed(epochs=epochs), 0)
    started = time.perf_counter()
    trainer.fit(Batch(x))
    return (time.perf_counter() - started) / epochs


def floor(x):
    """Seconds per epoch of the arithmetic alone: forward, and twice as much back."""
    total = 0

    def count(layer, given, answer):
        nonlocal total
        weight = layer.weight
        places = answer if isinstance(layer, nn.Conv2d) else given[0]
        spread = places.shape[2:].numel() if places.dim() == 4 else 1
        total += 2 * weight.numel() * spread

    model = ByHand()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            layer.register_forward_hook(count)
    model(x[:1, None])
    a = torch.randn(2048, 2048)
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        rates.append(2 * 2048**3 / (time.perf_counter() - started))
    return 3 * total * len(x) / max(rates)


CONTESTANTS = {
    "by hand": lambda x, n: by_hand(x, n, torch.channels_last),
    "by hand, channels first": lambda x, n: by_hand(x, n, torch.contiguous_format),
    "isthmus": by_isthmus,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    parser.add_argument("--out", default="benchmarks/results/speed_convolutions.csv")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    x = torch.randn(1280 if args.quick else 12_800, SIDE, SIDE)
    sizes = [
        sum(p.numel() for p in m.parameters()) for m in (ByHand(), ours(x).module_)
    ]
    assert len(set(sizes)) == 1, sizes
    taken = {name: [] for name in CONTESTANTS}
    rounds = 2 if args.quick else args.rounds
    for turn in range(rounds + 1):
        for name in list(CONTESTANTS)[:: 1 if turn % 2 else -1]:
            seconds = CONTESTANTS[name](x, 1 if args.quick else 3)
            if turn:  # the first round warms up
                taken[name].append(seconds)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, torch {torch.__version__}, {args.threads} thread(s)")
    print(f"{sizes[0]:,} weights; the arithmetic alone: {floor(x):.2f} s an epoch")
    for name, seconds in taken.items():
        ratios = [h / s for h, s in zip(taken["by hand"], seconds, strict=True)]
        low, middle, high = (
            statistics.quantiles(ratios, n=4) if rounds > 1 else ratios * 3
        )
        epoch = statistics.median(seconds)
        print(f"  {name:<24} {epoch:.2f} s  {middle:.2f} [{low:.2f}, {high:.2f}]")
        figures = [round(f, 3) for f in (epoch, middle, low, high)]
        row = [machine, torch.__version__, version("isthmus"), args.threads, len(x)]
        if not args.quick:
            append(args.out, COLUMNS, [*row, name, *figures, rounds])


if __name__ == "__main__":
    main()
