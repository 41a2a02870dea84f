"""Does a GPU give the same answers as the processor, and how fast is it?

One command checks and measures all of it:

- a model trained on the device, saved and loaded on the processor, scores rows within
  1e-4 of what it scores on the device; so does a detector;
- recorded steps (on a GPU, CUDA graphs) end at weights within 1e-3 of steps by
  autograd, as shares of their length; the same seed gives the same bits twice, with
  recordings and without;
- scores in bfloat16 rank rows as those in float32 do, with a correlation of 0.999;
- rows per second of training and of scoring, 50 columns, the data on the device, beside
  the shortest loop by hand there; and of scoring, with the data in main memory.

    python benchmarks/gpu.py [--device cuda] [--rows 4000000] [--quick]

The exit status is 1 if a check fails or there is no such device. With ``--device cpu``
the same is done on the processor. Figures are appended to a file.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from results_file import append
from scipy.stats import spearmanr
from speed import compete, processor, table, timed, versions
from speed_contests import RATE, ByHand, Case

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.errors import RecipeError
from isthmus.scores.reconstruction_likelihood import score_rows
from isthmus.trace import Batch
from isthmus.training import Trainer, Training, pick_device

COLUMNS, HIDDEN, CODE = 50, (128, 64), 8
BATCHES = 1024, 8192, 65536
WAYS = {
    "isthmus": {"replay": "everywhere"},
    "isthmus, autograd": {"replay": False},
    "isthmus, bfloat16": {"replay": "everywhere", "precision": "bfloat16"},
}
KEY = ["date", "machine", "versions", "what", "batch", "method"]
FIGURES = ["rows_per_second", "ratio_to_hand"]


def model_on(device, x, **training):
    """An untrained estimator whose module is built for rows like these."""
    model = isthmus.Autoencoder(
        architecture=Mlp(hidden=HIDDEN, activation="relu"),
        bottleneck=Dense(size=CODE),
        training=Training(learning_rate=RATE, patience=0, **training),
        device=device,
        validation=0,
        verbose=0,
    )
    model.prepared(x[:1000].cpu().numpy())
    return model


# ------------------------------------------------------------------------- checks


def moved(model, rows):
    """Largest difference of scores after a way through a file to the processor."""
    here = model.score_samples(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.isthmus"
        isthmus.save(model, path)
        there = isthmus.load(path, device="cpu").score_samples(rows)
    return np.max(np.abs(here - there) / (1 + np.abs(there)))


def checks(device, x):
    """Names of checks, whether each holds, and what was found."""
    rows = x.numpy()
    some = {"device": device, "verbose": 0, "random_state": 0}
    fitted, weights, paths = {}, {}, {}
    for way, training in WAYS.items():
        for turn in "ab":
            made = isthmus.Autoencoder(
                **some, epochs=20, batch_size=100, training=Training(**training)
            ).fit(rows)
            parts = [p.detach().flatten() for p in made.module_.parameters()]
            fitted[way], weights[way, turn] = made, torch.cat(parts).cpu()
        paths[way] = made.path_
        same = torch.equal(weights[way, "a"], weights[way, "b"])
        yield f"{way}: the same bits twice", same, made.path_["steps"]
    steps = paths["isthmus"]["steps"]
    yield "steps are recorded", steps.startswith("replayed"), steps
    one, other = weights["isthmus", "a"], weights["isthmus, autograd", "a"]
    apart = float((one - other).norm() / other.norm())
    yield "recorded steps agree with autograd", apart <= 1e-3, f"{apart:.2g}"
    detector = isthmus.AnomalyDetector(**some, effort="fast").fit(rows)
    for name, made in {**fitted, "detector": detector}.items():
        gap = moved(made, rows)
        yield f"{name}: scores on the processor", gap <= 1e-4, f"{gap:.2g}"
    plain = fitted["isthmus"].score_samples(rows)
    with torch.autocast(device.type, torch.bfloat16):
        lower = fitted["isthmus"].score_samples(rows)
    rank = spearmanr(plain, lower)[0]
    yield "scores in bfloat16 rank alike", rank >= 0.999, f"{rank:.6f}"


# ------------------------------------------------------------------------ figures


def trained(x, batch, epochs, training):
    """Seconds of an epoch, on rows that are on the device."""
    model = model_on(x.device, x, epochs=epochs, batch_size=batch, **training)
    trainer = Trainer(model.module_, model.training, 0)
    return timed(lambda: trainer.fit(Batch(x)), 0.0) / epochs


def by_hand(x, batch, epochs):
    """The shortest loop, which never waits for the device within an epoch."""
    model = ByHand(Case("plain", COLUMNS, HIDDEN, CODE, batch)).to(x.device)
    adam = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)

    def epoch():
        total = torch.zeros((), device=x.device)
        for index in torch.randperm(len(x), device=x.device).split(batch):
            loss = model.loss(x[index])
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            total += loss.detach() * len(index)
        return total.item()

    return timed(lambda: [epoch() for _ in range(epochs)], 0.0) / epochs


def training_contest(x, batch, options):
    contest = {"by hand": lambda: by_hand(x, batch, options.epochs)}
    for name, way in WAYS.items():
        contest[name] = lambda w=way: trained(x, batch, options.epochs, w)
    return compete(contest, options.rounds)


def scoring_contest(x, device, options):
    module = model_on(device, x).module_.eval()
    by_hand = ByHand(Case("plain", COLUMNS, HIDDEN, CODE, 1)).to(device).eval()
    there = x.to(device)

    def hand():
        with torch.inference_mode():
            return torch.cat([by_hand(rows) for rows in there.split(2**16)]).cpu()

    contest = {
        "by hand": lambda: timed(hand),
        "isthmus": lambda: timed(lambda: score_rows(module, Batch(there))),
        "isthmus, from main memory": lambda: timed(
            lambda: score_rows(module, Batch(x))
        ),
    }
    return compete(contest, options.rounds)


def tell(about, key, rows, seconds, out):
    for name, mine in seconds.items():
        ratios = [a / b for a, b in zip(seconds["by hand"], mine, strict=True)]
        rate, ratio = rows / statistics.median(mine), statistics.median(ratios)
        print(f"{key[0]:9}{key[1]:6} {name:26}{rate:14,.0f} rows/s {ratio:6.2f}")
        if out is not None:
            figures = [round(rate), f"{ratio:.4f}"]
            append(out, KEY + FIGURES, [*about, *key, name, *figures])


def chip(device):
    """Name, generation and memory of the device."""
    if device.type != "cuda":
        return processor()
    known = torch.cuda.get_device_properties(device)
    return f"{known.name}, {known.major}.{known.minor}, {known.total_memory >> 30} GB"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    for name, value in {"rows": 4_000_000, "rounds": 5, "epochs": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--quick", action="store_true", help="few rows, nothing kept")
    parser.add_argument("--out", type=Path, default="benchmarks/results/gpu.csv")
    options = parser.parse_args()
    try:
        device = pick_device(options.device)
    except RecipeError as error:
        sys.exit(str(error))
    if options.quick:
        options.rows, options.rounds, options.epochs = 4096, 1, 1
    about = [chip(device), versions()]
    print(*about, sep="; ")
    failed = 0
    for name, holds, found in checks(device, table(2000, 12)):
        print(f"{'ok' if holds else 'FAILED':7}{name}: {found}")
        failed += not holds
    out = None if options.quick else options.out
    x = table(options.rows, COLUMNS)
    there = x.to(device)
    for batch in [b for b in BATCHES if b <= options.rows]:
        seconds = training_contest(there, batch, options)
        tell(about, ["training", batch], len(x), seconds, out)
    seconds = scoring_contest(x, device, options)
    tell(about, ["scoring", 0], len(x), seconds, out)
    sys.exit(f"{failed} checks failed." if failed else 0)


if __name__ == "__main__":
    main()
