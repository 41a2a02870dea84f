"""Does isthmus cost speed, beside a loop written by hand, and beside PyOD?

One network, 30-64-32-8-32-64-30 with ReLU, squared error and Adam, on one table, from
the same first weights. By hand means: the shortest tensor loop that a careful engineer
would write. Contestants take turns in rounds, the order turns about from round to
round, and a ratio is taken within a round, so that whatever else the machine does falls
on all of them; one round before the first warms up.

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
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.data.blocks import BLOCK
from isthmus.estimator import Autoencoder
from isthmus.scores.reconstruction_likelihood import score_rows
from isthmus.trace import Batch
from isthmus.training import Trainer, Training

Contest = dict[str, Callable[[], float]]
Row = tuple[int, str, str, float, float, float, float]
FIELDS = ("batch", "what", "method", "rows_per_second", "ratio_to_hand", "low", "high")
RESULTS = Path(__file__).parent / "results" / "speed.csv"
COLUMNS, FACTORS, CODE = 30, 6, 8
HIDDEN = (64, 32)
HAND_BATCHES = (256, 512, 1024, 2048, 4096)
"""Batches of which scoring by hand takes the fastest."""
PEER_BATCH = 1024
"""Rows that PyOD scores at a time; its default of 32 is slower."""
PEERS = ("AutoEncoder", "VAE")


def table(rows: int, seed: int) -> np.ndarray:
    """Standard normal columns that share a few factors, and have noise of their own."""
    draw = np.random.default_rng(seed)
    mixing = draw.standard_normal((FACTORS, COLUMNS)) / np.sqrt(FACTORS)
    x = draw.standard_normal((rows, FACTORS)) @ mixing
    x += 0.3 * draw.standard_normal((rows, COLUMNS))
    return (x - x.mean(0)) / x.std(0)


def estimator(batch: int, epochs: int, seed: int) -> Autoencoder:
    mlp = Mlp(hidden=HIDDEN, activation="relu", residual=False)
    training = Training(epochs=epochs, batch_size=batch, patience=0)
    model = Autoencoder(
        architecture=mlp, bottleneck=Dense(size=CODE), training=training
    )
    return model.set_params(validation=0, device="cpu", random_state=seed, verbose=0)


def twin(module: nn.Module) -> nn.Sequential:
    """The network by hand, with the weights of ``module``."""
    widths = [COLUMNS, *HIDDEN, CODE, *HIDDEN[::-1], COLUMNS]
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(a, b))
        if i not in {len(HIDDEN), len(widths) - 2}:  # neither the code nor the answer
            layers.append(nn.ReLU())
    model = nn.Sequential(*layers)
    for mine, other in zip(model.parameters(), module.parameters(), strict=True):
        mine.data.copy_(other.data)
    return model


def train_by_hand(x: torch.Tensor, model: nn.Module, batch: int, epochs: int) -> float:
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


def peer(name: str, batch: int, epochs: int, seed: int, *, prepare: bool) -> Any:
    """A PyOD detector that keeps how long its `train` took, as ``seconds``."""
    from pyod.models import auto_encoder, vae  # noqa: PLC0415 - not everyone has it

    base = {"AutoEncoder": auto_encoder.AutoEncoder, "VAE": vae.VAE}[name]

    class Timed(base):
        def train(self, train_loader: Any) -> None:
            started = time.perf_counter()
            super().train(train_loader)
            self.seconds = time.perf_counter() - started

    down, up = list(HIDDEN), list(HIDDEN[::-1])
    variational = {"encoder_neuron_list": down, "decoder_neuron_list": up}
    plain = {"hidden_neuron_list": [*HIDDEN, CODE]}
    sizes = variational | {"latent_dim": CODE} if name == "VAE" else plain
    course = {"epoch_num": epochs, "batch_size": batch, "random_state": seed}
    bare = {"preprocessing": prepare, "batch_norm": False, "dropout_rate": 0.0}
    return Timed(device="cpu", verbose=0, **course, **bare, **sizes)


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
    for name in ("by hand", "isthmus"):
        contest[name]()
    for number in range(rounds):
        names = [n for n in contest if number < peer_rounds or "PyOD" not in n]
        for name in names[:: -1 if number % 2 else 1]:
            seconds[name].append(contest[name]())
    return seconds


def results(
    rows: int, batches: dict[str, int], what: str, seconds: dict[str, list[float]]
) -> list[Row]:
    """Medians of the rates, and median and quartiles of the ratios within rounds."""
    found = []
    for name, mine in seconds.items():
        ratios = [a / b for a, b in zip(seconds["by hand"], mine, strict=False)]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        figures = rows / statistics.median(mine), middle, low, high
        found.append((batches[name], what, name, *figures))
    return found


def training(x: np.ndarray, batch: int, options: argparse.Namespace) -> list[Row]:
    tensor = torch.from_numpy(x.astype(np.float32))
    epochs, seed = options.epochs, options.seed

    def fresh() -> Autoencoder:
        untrained = estimator(batch, epochs, seed)
        untrained.prepared(x)  # an untrained module, and no training
        return untrained

    def by_hand() -> float:
        return train_by_hand(tensor, twin(fresh().module_), batch, epochs)

    def by_isthmus() -> float:
        untrained = fresh()
        trainer = Trainer(untrained.module_, untrained.training, seed)
        started = time.perf_counter()
        trainer.fit(Batch(tensor))
        return (time.perf_counter() - started) / epochs

    def by_peer(name: str) -> float:
        detector = peer(name, batch, options.peer_epochs, seed, prepare=False)
        return detector.fit(tensor.numpy()).seconds / options.peer_epochs

    contest: Contest = {"by hand": by_hand, "isthmus": by_isthmus}
    for name in options.peers:
        contest[f"PyOD {name}"] = lambda name=name: by_peer(name)
    seconds = compete(contest, options.rounds, options.peer_rounds)
    return results(len(x), dict.fromkeys(contest, batch), "training", seconds)


def scoring(x: np.ndarray, options: argparse.Namespace) -> list[Row]:
    tensor = torch.from_numpy(x.astype(np.float32))
    fitted = estimator(256, 1, options.seed).fit(x)
    model = twin(fitted.module_)

    def by_hand(batch: int) -> np.ndarray:
        return score_by_hand(model, tensor, batch)

    trials = {timed(lambda b=b: by_hand(b)): b for b in HAND_BATCHES}
    best, shift, scale = trials[min(trials)], x.mean(0), x.std(0)

    def from_numpy() -> np.ndarray:
        rows = torch.from_numpy(((x - shift) / scale).astype(np.float32))
        return score_by_hand(model, rows, best)

    def score() -> np.ndarray:
        """What `score_samples` does after the preparation of the rows."""
        batch = Batch(tensor)
        return score_rows(fitted.module_, batch)

    bare: Contest = {"by hand": lambda: timed(lambda: by_hand(best))}
    bare["isthmus"] = lambda: timed(score)
    whole: Contest = {"by hand": lambda: timed(from_numpy)}
    whole["isthmus"] = lambda: timed(lambda: fitted.score_samples(x))
    contests = {"scoring": bare, "scoring, with preparation": whole}
    for name in options.peers:
        for contest, prepare in zip(contests.values(), (False, True), strict=True):
            rows = x if prepare else x.astype(np.float32)
            detector = peer(name, 256, 1, options.seed, prepare=prepare).fit(rows)
            contest[f"PyOD {name}"] = lambda d=detector, r=rows: timed(
                lambda: d.decision_function(r, batch_size=PEER_BATCH)
            )
    batches = dict.fromkeys(contests["scoring"], PEER_BATCH)
    batches |= {"by hand": best, "isthmus": BLOCK}
    found = []
    for what, contest in contests.items():
        seconds = compete(contest, 3 * options.rounds, options.peer_rounds)
        found += results(len(x), batches, what, seconds)
    return found


def versions() -> str:
    have = [n for n in ("torch", "numpy", "pyod") if importlib.util.find_spec(n)]
    return " ".join(f"{n} {importlib.metadata.version(n)}" for n in have)


def processor() -> str:
    """Name of the processor, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    return text.partition("model name\t: ")[2].partition("\n")[0] or platform.machine()


def show(found: list[Row], options: argparse.Namespace) -> None:
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()}; {versions()}")
    o = options
    print(f"{o.rows:,} x {COLUMNS}, seed {o.seed}, {o.threads} thread(s)")
    print(f"{o.rounds} rounds of {o.epochs} epochs; for scoring thrice as many")
    peers = f"{o.peer_rounds} round(s) of {o.peer_epochs} epoch(s), per epoch"
    print("PyOD:", peers if o.peers else "not installed, left out")
    print(f"\n{'':26}{'batch':>6} {'':17}{'rows/s':>12}  ratio to hand [quartiles]")
    for batch, what, method, rate, *ratio in found:
        print(f"{what:26}{batch:6} {method:17}{rate:12,.0f}", end="")
        print("{:10.3f} [{:.3f}, {:.3f}]".format(*ratio))


def keep(found: list[Row], path: Path, threads: int) -> None:
    """Append the results to a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    machine = f"{processor()}, {threads} thread(s)"
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if not file.tell():
            writer.writerow(["date", "machine", "versions", *FIELDS])
        for batch, what, method, rate, *ratio in found:
            figures = [round(rate), *(f"{value:.4f}" for value in ratio)]
            writer.writerow([now, machine, versions(), batch, what, method, *figures])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    defaults = {"rows": 50_000, "epochs": 20, "rounds": 5, "threads": 1, "seed": 0}
    for name, value in (defaults | {"peer-epochs": 2, "peer-rounds": 2}).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 256, 1024])
    parser.add_argument("--quick", action="store_true", help="5,000 rows, 2 epochs")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.quick:
        options.rows, options.epochs, options.peer_epochs = 5_000, 2, 1
    options.peers = PEERS if importlib.util.find_spec("pyod") else ()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    x = table(options.rows, options.seed)
    found = [row for b in options.batches for row in training(x, b, options)]
    found += scoring(x, options)
    show(found, options)
    keep(found, options.out, options.threads)


if __name__ == "__main__":
    main()
