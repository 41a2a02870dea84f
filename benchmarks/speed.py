"""How fast is training and scoring, beside others and beside what the machine can do?

Networks on rows of correlated normal numbers: *small* tables, 30-64-32-8 and back;
*wide* ones, 784-1000-500-250-30 and back; ReLU, Adam. In one run, one after the other:

- *the floor*: the matrix products of a step (three per layer) at their own shapes, each
  timed on its own, and nothing else; the machine's best rate of products of 4,096 in
  float32 and bfloat16; and its memory bandwidth, by copying 256 MB;
- *by hand*: the shortest loop that a careful engineer would write;
- *isthmus*, and *isthmus, autograd*: the same without recorded steps; of wide networks
  *isthmus, bfloat16*, with matrix products in that precision;
- PyOD's AutoEncoder and VAE, scikit-learn's MLPRegressor, skorch, pythae and Keras,
  where they are installed: the plain kind alone. Those that do not go together are
  measured one after the other, each beside the loop by hand: ``--peers Keras,pythae``;
- *replicas*: eight small networks, each on rows of its own, in one step, beside a step
  of one alone. Bar: a step of eight takes at most three times as long.

Contestants take turns in rounds, the order turns about from round to round, and a ratio
is taken within a round, so that whatever else the machine does falls on all of them;
one round before the first warms up. A ratio above 1 is faster than by hand. What is
done once (recording, compiling) counts as part of a round: three epochs, and of small
networks at least 100 steps.

    python benchmarks/speed.py [--threads 1] [--rounds 5] [--quick] [--only small,...]

Results are appended to a file.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from results_file import append
from speed_contests import (
    PLAIN,
    Case,
    by_autograd,
    by_bfloat16,
    by_hand,
    by_isthmus,
    by_keras,
    by_pyod,
    by_pythae,
    by_replicas,
    by_sklearn,
    by_skorch,
    have,
    scored_by_hand,
    scored_by_isthmus,
    scored_by_pyod,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NETWORKS = {"small": (30, (64, 32), 8), "wide": (784, (1000, 500, 250), 30)}
BATCHES = {"small": (32, 256, 1024, 8192), "wide": (256, 1024)}
ROWS = {"small": 50_000, "wide": 10_000}
PEERS = {
    "PyOD AutoEncoder": ("pyod", partial(by_pyod, "AutoEncoder")),
    "PyOD VAE": ("pyod", partial(by_pyod, "VAE")),
    "MLPRegressor": ("sklearn", by_sklearn),
    "skorch": ("skorch", by_skorch),
    "Keras": ("keras", by_keras),
    "pythae": ("pythae", by_pythae),
}
WIDE = 100  # columns
STEPS = 100
"""Steps of a small network that a round has at least."""
REPLICAS, REPLICA_BATCHES, REPLICA_STEPS = 8, (64, 256), 1000
HAND_BATCHES = (256, 512, 1024, 2048, 4096)
PEER_BATCH = 1024
KEY = ["network", "kind", "batch", "threads", "what", "method"]
COLUMNS = ["date", "machine", "versions", *KEY, "rows_per_second"]
COLUMNS += ["ratio_to_hand", "low", "high"]
REPLICA_COLUMNS = ["date", "machine", "versions", *KEY[:5], "replicas"]
REPLICA_COLUMNS += ["one_us", "all_us", "ratio", "low", "high"]


def table(rows: int, columns: int) -> torch.Tensor:
    """Columns between 0 and 1 that share a few factors, and have noise of their own."""
    draw = np.random.default_rng(0)
    mixing = draw.standard_normal((6, columns)) / np.sqrt(6)
    x = draw.standard_normal((rows, 6)) @ mixing
    x += 0.3 * draw.standard_normal((rows, columns))
    return torch.from_numpy(1 / (1 + np.exp(-x))).float()


def timed(function: Callable[[], object], least: float = 0.2) -> float:
    """Seconds of one call, over as many calls as fill ``least`` seconds."""
    calls, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < least or not calls:
        function()
        calls += 1
    return spent / calls


def product_rate(kind: torch.dtype, size: int = 4096) -> float:
    """Floating-point operations per second of a product of square matrices."""
    a, b = (torch.randn(size, size).to(kind) for _ in range(2))
    a @ b
    return 2 * size**3 / timed(lambda: a @ b, 1.0)


def bandwidth() -> float:
    """Bytes read and written per second."""
    a = torch.zeros(2**26)
    b = torch.empty_like(a)
    return 2 * a.nbytes / timed(lambda: b.copy_(a), 0.5)


def floor(case: Case, *, training: bool) -> float:
    """Seconds that the products of one batch take, each on its own."""
    total = 0.0
    for a, b in [*pairwise(case.widths), *pairwise(case.widths[::-1])]:
        x, w = torch.randn(case.batch, a), torch.randn(b, a)
        g, y = torch.randn(case.batch, b), torch.empty(case.batch, b)
        total += timed(lambda x=x, w=w, y=y: torch.mm(x, w.t(), out=y), 0.02)
        if training:
            dw, dx = torch.empty_like(w), torch.empty_like(x)
            total += timed(lambda x=x, g=g, dw=dw: torch.mm(g.t(), x, out=dw), 0.02)
            if a != case.columns:  # nobody asks for the gradient of the rows
                total += timed(lambda w=w, g=g, dx=dx: torch.mm(g, w, out=dx), 0.02)
    return total


def operations(case: Case) -> int:
    """Multiplications and additions of the products of a row in training."""
    layers = [a * b for a, b in [*pairwise(case.widths), *pairwise(case.widths[::-1])]]
    return 6 * sum(layers) - 2 * layers[0]  # nobody asks for the gradient of the rows


def compete(
    contest: dict[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, after one that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contest}
    for number in range(-1, rounds):
        for name in list(contest)[:: -1 if number % 2 else 1]:
            found = contest[name]()
            if number >= 0:
                seconds[name].append(found)
    return seconds


def training(x: torch.Tensor, case: Case, options: argparse.Namespace) -> dict:
    names = {
        "by hand": by_hand,
        "isthmus": by_isthmus,
        "isthmus, autograd": by_autograd,
    }
    if case.columns > WIDE:
        names["isthmus, bfloat16"] = by_bfloat16
    least = STEPS // (10 if options.quick or case.columns > WIDE else 1)
    epochs = max(options.epochs, -(-least * case.batch // len(x)))
    contest = {name: partial(run, x, case, epochs) for name, run in names.items()}
    contest["floor"] = lambda: floor(case, training=True) * len(x) / case.batch
    if case.kind == "plain" and case.batch in {32, 256}:
        contest |= {
            name: partial(run, x, case, 1)
            for name, (package, run) in PEERS.items()
            if have(package) and name in options.peers.split(",")
        }
    return compete(contest, options.rounds)


def scoring(x: torch.Tensor, case: Case, options: argparse.Namespace) -> dict:
    trials = {timed(scored_by_hand(x, case, b)): b for b in HAND_BATCHES}
    best = trials[min(trials)]
    asked = {
        "by hand": scored_by_hand(x, case, best),
        "isthmus": scored_by_isthmus(x, case),
    }
    for name in ("AutoEncoder", "VAE"):
        if have("pyod") and case.kind == "plain":
            asked[f"PyOD {name}"] = scored_by_pyod(name, x, case, PEER_BATCH)
    contest = {name: partial(timed, ask) for name, ask in asked.items()}
    block = case._replace(batch=2048)
    contest["floor"] = lambda: floor(block, training=False) * len(x) / block.batch
    return compete(contest, 2 * options.rounds)


def replicas(x: torch.Tensor, case: Case, options: argparse.Namespace) -> dict:
    steps = REPLICA_STEPS // (10 if options.quick else 1)
    contest = {
        count: partial(by_replicas, count, x, case, steps) for count in (1, REPLICAS)
    }
    return compete(contest, options.rounds)


class Report:
    """Prints and keeps medians of the rates, and quartiles of the ratios."""

    def __init__(self, about: list, out: Path | None, product_rate: float) -> None:
        self.about, self.out, self.product_rate = about, out, product_rate

    def tell(self, key: list, rows: int, seconds: dict[str, list[float]]) -> None:
        for name, mine in seconds.items():
            ratios = [a / b for a, b in zip(seconds["by hand"], mine, strict=True)]
            low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
            rate = rows / statistics.median(mine)
            print("{:6}{:12}{:6}{:3} {:9}".format(*key), f"{name:18}", end="")
            print(f"{rate:12,.0f} rows/s {middle:8.2f} [{low:.2f}, {high:.2f}]")
            figures = [round(rate), *(f"{v:.4f}" for v in (middle, low, high))]
            if self.out is not None:
                append(self.out, COLUMNS, [*self.about, *key, name, *figures])

    def tell_replicas(self, key: list, seconds: dict[int, list[float]]) -> None:
        one, many = seconds[1], seconds[REPLICAS]
        ratios = [b / a for a, b in zip(one, many, strict=True)]
        steps = [1e6 * statistics.median(each) for each in (one, many)]
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        print("{:6}{:12}{:6}{:3} {:9}".format(*key), end="")
        print(
            f"{steps[0]:.0f} and {steps[1]:.0f} us a step, one and {REPLICAS}: ", end=""
        )
        print(f"{middle:.2f} times as long [{low:.2f}, {high:.2f}]")
        figures = [
            *(round(v) for v in steps),
            *(f"{v:.3f}" for v in (middle, low, high)),
        ]
        if self.out is not None:
            out = self.out.with_name(f"{self.out.stem}_replicas.csv")
            append(out, REPLICA_COLUMNS, [*self.about, *key, REPLICAS, *figures])


def versions() -> dict[str, str]:
    packages = "isthmus", "torch", "numpy", "pyod", "scikit-learn", "skorch", "keras"
    packages += ("pythae",)
    known = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
    return {n: importlib.metadata.version(n) for n in packages if n in known}


def processor() -> str:
    """Name of the processor, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    return text.partition("model name\t: ")[2].partition("\n")[0] or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in {"threads": 1, "rounds": 5, "epochs": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--only", default="small,wide,replicas")
    parser.add_argument("--kinds", default=",".join(PLAIN))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--out", type=Path, default="benchmarks/results/speed.csv")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    about = [f"{processor()}, {os.cpu_count()} cores", versions()]
    print(*about, f"{options.threads} thread(s), {options.rounds} rounds", sep="; ")
    rates = [product_rate(kind) / 1e12 for kind in (torch.float32, torch.bfloat16)]
    print(
        "products of 4,096: {:.3f} TFLOP/s in float32, {:.3f} in bfloat16".format(
            *rates
        )
    )
    print(f"memory: {bandwidth() / 1e9:.1f} GB/s read and written")
    report = Report(about, None if options.quick else options.out, rates[0] * 1e12)
    for contest in options.only.split(","):
        network = "small" if contest == "replicas" else contest
        x = table(ROWS[network] // (10 if options.quick else 1), NETWORKS[network][0])
        ask = ask_replicas if contest == "replicas" else ask_all
        ask(network, x, report, options)


def ask_all(
    network: str, x: torch.Tensor, report: Report, options: argparse.Namespace
) -> None:
    kinds = options.kinds.split(",")
    for batch in BATCHES[network]:
        for kind in [k for k in kinds if k == "plain" or batch == 256]:
            case = Case(kind, *NETWORKS[network], batch)
            found = training(x, case, options)
            key = [network, kind, batch, options.threads, "training"]
            report.tell(key, len(x), found)
            rate = operations(case) * len(x) / statistics.median(found["isthmus"])
            share = rate / report.product_rate
            print(f"isthmus: {share:.0%} of the rate of products in float32")
    found = scoring(x, Case("plain", *NETWORKS[network], 2048), options)
    report.tell([network, "plain", 2048, options.threads, "scoring"], len(x), found)


def ask_replicas(
    network: str, x: torch.Tensor, report: Report, options: argparse.Namespace
) -> None:
    for batch in REPLICA_BATCHES:
        found = replicas(x, Case("plain", *NETWORKS[network], batch), options)
        key = [network, "plain", batch, options.threads, "replicas"]
        report.tell_replicas(key, found)


if __name__ == "__main__":
    main()
