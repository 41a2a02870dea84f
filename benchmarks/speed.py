"""How fast are training and scoring, beside a loop written by hand and beside PyOD?

One network, 30-64-32-8-32-64-30 with ReLU, squared error and Adam, on one table. By
hand means: the shortest tensor loop that a careful engineer would write. Contestants
take turns in rounds, the order turns about from round to round, and a ratio is taken
within a round, so that whatever else the machine does falls on all of them.

PyOD gets rows that are standardised already, and a network without batch norm and
dropout; its training is timed inside `train`, which leaves out preparation and the
scoring that ends `fit`. It may run fewer epochs: all figures are per epoch.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.data.blocks import BLOCK
from isthmus.estimator import Autoencoder
from isthmus.scores.reconstruction_likelihood import reconstruction_likelihood
from isthmus.trace import Batch
from isthmus.training import Trainer, Training

if TYPE_CHECKING:
    from collections.abc import Callable

    Contest = dict[str, Callable[[], float]]

COLUMNS, FACTORS, CODE = 30, 6, 8
HIDDEN = (64, 32)
HAND_BATCHES = (256, 512, 1024, 2048, 4096)
"""Batches of which scoring by hand takes the fastest."""
PEER_BATCH = 1024
"""Rows that PyOD scores at a time; its default of 32 is slower."""
PEERS = ("AutoEncoder", "VAE")
HEADER = (
    "date,machine,versions,batch,what,method,rows_per_second,ratio_to_hand,low,high"
)


class Result(NamedTuple):
    batch: int
    what: str
    method: str
    rows_per_second: float
    ratio_to_hand: float
    low: float
    high: float


def table(rows: int, seed: int) -> np.ndarray:
    """Standard normal columns that share a few factors, and have noise of their own."""
    draw = np.random.default_rng(seed)
    mixing = draw.standard_normal((FACTORS, COLUMNS)) / np.sqrt(FACTORS)
    x = draw.standard_normal((rows, FACTORS)) @ mixing
    x += 0.3 * draw.standard_normal((rows, COLUMNS))
    return (x - x.mean(0)) / x.std(0)


# --- by hand


def network() -> nn.Sequential:
    widths = [COLUMNS, *HIDDEN, CODE, *HIDDEN[::-1], COLUMNS]
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layers.append(nn.Linear(a, b))
        if i not in {len(HIDDEN), len(widths) - 2}:  # neither the code nor the answer
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def train_by_hand(x: torch.Tensor, batch: int, epochs: int, seed: int) -> float:
    torch.manual_seed(seed)
    model = network()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    losses = []
    started = time.perf_counter()
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(len(x)).split(batch):
            rows = x[index]
            loss = functional.mse_loss(model(rows), rows)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
        losses.append(total / len(x))
    return (time.perf_counter() - started) / epochs


def score_by_hand(model: nn.Module, x: torch.Tensor, batch: int) -> np.ndarray:
    with torch.inference_mode():
        parts = [(model(r) - r).square().sum(1) for r in x.split(batch)]
        return torch.cat(parts).numpy()


# --- isthmus


def estimator(batch: int, epochs: int, seed: int) -> Autoencoder:
    return Autoencoder(
        architecture=Mlp(hidden=HIDDEN, activation="relu"),
        bottleneck=Dense(size=CODE),
        training=Training(epochs=epochs, batch_size=batch, patience=0),
        validation=0,
        device="cpu",
        random_state=seed,
        verbose=0,
    )


def train_isthmus(
    x: torch.Tensor, untrained: Autoencoder, batch: int, epochs: int, seed: int
) -> float:
    """Time of `Trainer.fit` on rows that are tensors already."""
    module = untrained.module_
    training = Training(epochs=epochs, batch_size=batch, patience=0)
    trainer = Trainer(module, training, seed)
    started = time.perf_counter()
    trainer.fit(Batch(x))
    return (time.perf_counter() - started) / epochs


def score_isthmus(fitted: Autoencoder, x: torch.Tensor) -> np.ndarray:
    """What `score_samples` does after the preparation of the rows."""
    cells, _ = reconstruction_likelihood(fitted.module_, Batch(x), torch.device("cpu"))
    return cells.sum(axis=1)


# --- PyOD


def peer(name: str, batch: int, epochs: int, seed: int, *, prepare: bool) -> Any:
    """A PyOD detector that keeps how long its `train` took, as ``seconds``."""
    from pyod.models import auto_encoder, vae  # noqa: PLC0415 - not everyone has it

    base = {"AutoEncoder": auto_encoder.AutoEncoder, "VAE": vae.VAE}[name]

    class Timed(base):
        def train(self, train_loader: Any) -> None:
            started = time.perf_counter()
            super().train(train_loader)
            self.seconds = time.perf_counter() - started

    sizes: dict[str, Any] = {"hidden_neuron_list": [*HIDDEN, CODE]}
    if name == "VAE":
        sizes = {
            "encoder_neuron_list": list(HIDDEN),
            "decoder_neuron_list": list(HIDDEN[::-1]),
            "latent_dim": CODE,
        }
    return Timed(
        preprocessing=prepare,
        epoch_num=epochs,
        batch_size=batch,
        device="cpu",
        random_state=seed,
        verbose=0,
        batch_norm=False,
        dropout_rate=0.0,
        **sizes,
    )


def train_peer(name: str, x: np.ndarray, batch: int, epochs: int, seed: int) -> float:
    detector = peer(name, batch, epochs, seed, prepare=False)
    detector.fit(x)
    return detector.seconds / epochs


# --- the contests


def timed(function: Callable[[], object], least: float = 0.2) -> float:
    """Seconds of one call, over as many calls as fill ``least`` seconds."""
    calls, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < least or not calls:
        function()
        calls += 1
    return spent / calls


def compete(contest: Contest, rounds: int, peer_rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in each round; PyOD leaves after ``peer_rounds``."""
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    for number in range(rounds):
        names = [n for n in contest if number < peer_rounds or "PyOD" not in n]
        for name in names[:: -1 if number % 2 else 1]:
            seconds[name].append(contest[name]())
    return seconds


def results(
    rows: int, batches: dict[str, int], what: str, seconds: dict[str, list[float]]
) -> list[Result]:
    """Medians of the rates, and median and quartiles of the ratios within rounds."""
    found = []
    for name, mine in seconds.items():
        ratios = [a / b for a, b in zip(seconds["by hand"], mine, strict=False)]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        rate = rows / statistics.median(mine)
        found.append(Result(batches[name], what, name, rate, middle, low, high))
    return found


def training(x: np.ndarray, batch: int, options: argparse.Namespace) -> list[Result]:
    tensor = torch.from_numpy(x.astype(np.float32))
    epochs, seed = options.epochs, options.seed

    def isthmus() -> float:
        untrained = estimator(batch, epochs, seed)
        untrained._prepare(x)  # noqa: SLF001 - an untrained module, and no training
        return train_isthmus(tensor, untrained, batch, epochs, seed)

    contest: Contest = {
        "by hand": lambda: train_by_hand(tensor, batch, epochs, seed),
        "isthmus": isthmus,
    }
    for name in PEERS if options.peers else ():
        contest[f"PyOD {name}"] = lambda name=name: train_peer(
            name, x.astype(np.float32), batch, options.peer_epochs, seed
        )
    seconds = compete(contest, options.rounds, options.peer_rounds)
    return results(len(x), dict.fromkeys(contest, batch), "training", seconds)


def scoring(x: np.ndarray, options: argparse.Namespace) -> list[Result]:
    tensor, model = torch.from_numpy(x.astype(np.float32)), network()
    fitted = estimator(256, 1, options.seed).fit(x)
    trial = {
        b: timed(lambda b=b: score_by_hand(model, tensor, b)) for b in HAND_BATCHES
    }
    best = min(trial, key=trial.__getitem__)
    shift, scale = x.mean(0), x.std(0)

    def hand_from_numpy() -> np.ndarray:
        rows = torch.from_numpy(((x - shift) / scale).astype(np.float32))
        return score_by_hand(model, rows, best)

    contests: dict[str, Contest] = {
        "scoring": {
            "by hand": lambda: timed(lambda: score_by_hand(model, tensor, best)),
            "isthmus": lambda: timed(lambda: score_isthmus(fitted, tensor)),
        },
        "scoring, with preparation": {
            "by hand": lambda: timed(hand_from_numpy),
            "isthmus": lambda: timed(lambda: fitted.score_samples(x)),
        },
    }
    for name in PEERS if options.peers else ():
        for contest, prepare in zip(contests.values(), (False, True), strict=True):
            rows = x if prepare else x.astype(np.float32)
            detector = peer(name, 256, 1, options.seed, prepare=prepare).fit(rows)
            contest[f"PyOD {name}"] = lambda d=detector, r=rows: timed(
                lambda: d.decision_function(r, batch_size=PEER_BATCH)
            )
    found = []
    for what, contest in contests.items():
        seconds = compete(contest, 3 * options.rounds, options.peer_rounds)
        batches = dict.fromkeys(contest, PEER_BATCH) | {
            "by hand": best,
            "isthmus": BLOCK,
        }
        found += results(len(x), batches, what, seconds)
    return found


# --- the report


def versions() -> str:
    names = ("torch", "numpy", "pyod")
    have = [n for n in names if importlib.util.find_spec(n)]
    return " ".join(f"{n} {importlib.metadata.version(n)}" for n in have)


def processor() -> str:
    """Name of the processor, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    names = [line.split(":")[1] for line in text.splitlines() if "model name" in line]
    return names[0].strip() if names else platform.processor() or platform.machine()


def show(found: list[Result], options: argparse.Namespace) -> None:
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()}; {versions()}")
    print(
        f"{options.rows:,} x {COLUMNS}; {torch.get_num_threads()} thread(s); seed "
        f"{options.seed}; {options.rounds} rounds of {options.epochs} epochs (scoring: "
        f"{3 * options.rounds} rounds)"
    )
    peers = (
        f"{options.peer_rounds} round(s) of {options.peer_epochs} epoch(s), per epoch"
    )
    print(f"PyOD: {peers if options.peers else 'not installed, left out'}")
    print(f"\n{'':26}{'batch':>6} {'':17}{'rows/s':>12}  ratio to hand [quartiles]")
    for r in found:
        ratio = f"{r.ratio_to_hand:8.3f} [{r.low:.3f}, {r.high:.3f}]"
        print(
            f"{r.what:26}{r.batch:6} {r.method:17}{r.rows_per_second:12,.0f}  {ratio}"
        )


def keep(found: list[Result], path: Path, threads: int) -> None:
    """Append the results to a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    machine = f"{processor()}, {threads} thread(s)"
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(HEADER.split(","))
        for r in found:
            rates = [f"{r.rows_per_second:.0f}", *(f"{v:.4f}" for v in r[4:])]
            writer.writerow([now, machine, versions(), *r[:3], *rates])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 256, 1024])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-epochs", type=int, default=2)
    parser.add_argument("--peer-rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="5,000 rows, 2 epochs")
    results_file = Path(__file__).parent / "results" / "speed.csv"
    parser.add_argument("--out", type=Path, default=results_file)
    options = parser.parse_args()
    if options.quick:
        options.rows, options.epochs, options.peer_epochs = 5_000, 2, 1
    options.peers = importlib.util.find_spec("pyod") is not None
    torch.set_num_threads(options.threads)
    x = table(options.rows, options.seed)
    found = [r for batch in options.batches for r in training(x, batch, options)]
    found += scoring(x, options)
    show(found, options)
    keep(found, options.out, options.threads)


if __name__ == "__main__":
    main()
