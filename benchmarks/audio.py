"""Do codes of sound tell digits apart, and how much noise is taken from it?

Spoken digits (github.com/Jakobovski/free-spoken-digit-dataset: six speakers, 3,000
recordings at 8 kHz). Four speakers train, two others test: none of these was looked at
when settings were chosen, by training on three of the four, or two, and testing on the
rest.

Codes: an autoencoder of which the largest entries learn (winner takes all; Makhzani &
Frey, 2015) is fitted to windows of a quarter of a second of log-mel frames without
labels, and the code of a recording is the mean over its windows. A logistic regression
on codes of 256 entries, its penalty chosen by cross validation over the training
speakers, tells digits of the others. Beside it: PCA of the same size, of the same
windows and of whole recordings (cut or filled up to 0.77 s), of whole ones with 64
entries, and the frames themselves; and `Autoencoder` as it comes, with 64 entries, in
three epochs.

Noise: white and pink (power 1 / f), and babble (eight recordings of training speakers
at once), at 0, 5 and 10 dB. The figure is the gain in SI-SDR (Le Roux et al., 2019) in
dB, mean over recordings. The denoiser is told nothing of the noise, and learns from
noise of slopes 0 to 2; a second one learns from white noise alone. Beside them spectral
gating (noisereduce, stationary): as it comes, and with a second of the noise given to
it and the settings that did best on training speakers.

    python benchmarks/audio.py --data DIR [--seeds 3] [--only codes] [--quick]

DIR (or ISTHMUS_DATA) holds fsdd/fsdd.npz. Denoisers are kept in --work. Needs
noisereduce beside isthmus.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import noisereduce
import numpy as np
import pandas as pd
import torch
from results_file import append, known
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.data.mel import Mel
from isthmus.data.recordings import as_unit

RATE, BANDS, SIZE = 8000, 24, 256
WINDOW, WHOLE = 16, 48
"""Frames of a window, and of a recording as a whole; one begins every 16 ms."""

TRAINED = 1000
"""Recordings of the training speakers that a denoiser learns from."""

TEST = "theo", "yweweler"
LEVELS, NOISES = (0, 5, 10), ("white", "pink", "babble")
COLUMNS = ["date", "machine", "what", "seed", "method", "version", "figure", "seconds"]
DEFAULT = "isthmus, as it comes, 64"
PROBED = (
    f"isthmus, {SIZE}",
    DEFAULT,
    f"PCA, {SIZE}, windows",
    f"PCA, {SIZE}",
    "PCA, 64",
    "frames",
)
SPEAKERS = [*TEST, "both"]
OWN = {"isthmus": None, "isthmus, white": 0.0}
CLEANED = "isthmus", "gating, told", "gating", "isthmus, white"


class Digits:
    """Recordings, what is said in them, and by whom."""

    def __init__(self, folder, most):
        path = Path(folder) / "fsdd" / "fsdd.npz"
        if not path.exists():
            raise SystemExit(f"{path}: not found. Name its folder with --data.")
        with np.load(path) as found:
            waves = np.split(found["audio"], found["indptr"][1:-1])
            digit, speaker = found["digit"], found["speaker"]
        kept = np.random.default_rng(0).permutation(len(waves))[:most]
        self.waves = [waves[k] for k in kept]
        self.digit, self.speaker = digit[kept], speaker[kept]
        self.new = np.isin(self.speaker, TEST)

    def some(self, picked):
        """Recordings of a mask."""
        return [self.waves[k] for k in np.flatnonzero(picked)]


# ------------------------------------------------------------------------------ codes


def frames(digits):
    """Log powers (frames, bands) of each recording, as isthmus sees them."""
    mel, found = Mel(RATE, BANDS), []
    for wave in digits.waves:
        x = as_unit(wave)
        x = x / np.sqrt(np.square(x, dtype=np.float64).mean())
        found.append(mel.log(torch.from_numpy(x.astype(np.float32))).numpy())
    learned = np.concatenate(
        [f for f, new in zip(found, digits.new, strict=True) if not new]
    )
    return [(f - learned.mean(0)) / learned.std(0) for f in found]


def windows(x):
    """Windows (n, frames * bands) of a recording, one every quarter of their length."""
    x = filled(x, WINDOW) if len(x) < WINDOW else x
    starts = {*range(0, len(x) - WINDOW + 1, WINDOW // 4), len(x) - WINDOW}
    return np.stack([x[s : s + WINDOW].ravel() for s in sorted(starts)])


def filled(x, steps):
    """Cut, or filled up with means, to so many frames."""
    return np.pad(x[:steps], ((0, max(steps - len(x), 0)), (0, 0)))


def codes(method, digits, seed, quick):
    """Features of each recording, learned without labels from training speakers."""
    if method == DEFAULT:
        kind, few = isthmus.Audio(rate=RATE), 1 if quick else 3
        model = isthmus.Autoencoder(
            size=64, kind=kind, epochs=few, random_state=seed, verbose=0
        ).fit(digits.some(~digits.new))
        return model.transform(digits.waves)
    if method.startswith("isthmus"):
        kind = isthmus.Audio(rate=RATE, bands=BANDS, seconds=(WINDOW - 1) * 128 / RATE)
        model = isthmus.winner_take_all(
            size=SIZE,
            kind=kind,
            architecture=Mlp(hidden=()),
            training=isthmus.Training(
                epochs=1 if quick else 6, batch_size=64, learning_rate=2e-3
            ),
            random_state=seed,
            verbose=0,
        ).fit(digits.some(~digits.new))
        return model.transform(digits.waves)
    x = frames(digits)
    parts = [windows(f) for f in x]
    if "windows" not in method:
        parts = [filled(f, WHOLE).reshape(1, -1) for f in x]
    if method == "frames":
        return np.concatenate(parts)
    learned = np.concatenate(
        [p for p, n in zip(parts, digits.new, strict=True) if not n]
    )
    size = int(method.split(", ")[1])
    pca = PCA(min(size, *learned.shape), random_state=seed).fit(learned)
    return np.stack([pca.transform(p).mean(0) for p in parts])


def accuracy(z, digits):
    """Share of the digits of each test speaker, and of both, that are told right."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    grid = {"logisticregression__C": [1e-3, 1e-2, 1e-1, 1, 10]}
    seen, folds = ~digits.new, GroupKFold(4)
    search = GridSearchCV(probe, grid, cv=folds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(z[seen], digits.digit[seen], groups=digits.speaker[seen])
    right = search.predict(z) == digits.digit
    return [right[digits.speaker == s].mean() for s in TEST] + [right[~seen].mean()]


# ------------------------------------------------------------------------------ noise


def noise_of(kind, samples, digits, lots):
    """Noise of a power of one."""
    if kind == "babble":
        others = digits.some(~digits.new)
        picked = [others[k] for k in lots.integers(len(others), size=8)]
        loud = [x / np.sqrt(np.square(x.astype(float)).mean()) for x in picked]
        starts = [lots.integers(len(x)) for x in loud]
        whole = [
            np.resize(np.roll(x, s), samples) for x, s in zip(loud, starts, strict=True)
        ]
        noise = np.sum(whole, 0)
    else:
        spectrum = np.fft.rfft(lots.normal(size=samples))
        at = np.maximum(np.arange(len(spectrum)), 1.0)
        noise = np.fft.irfft(spectrum / np.sqrt(at ** (kind == "pink")), samples)
    return noise / np.sqrt(np.square(noise).mean())


def gain(answer, given, clean):
    """By how many dB the SI-SDR of an answer is higher."""
    return si_sdr(answer, clean) - si_sdr(given, clean)


def si_sdr(x, clean):
    """10 log10(|a s|^2 / |x - a s|^2), a = <x, s> / |s|^2, in dB."""
    x, clean = x.astype(np.float64), clean.astype(np.float64)
    target = (x @ clean) / (clean @ clean) * clean
    return 10 * np.log10((target @ target) / np.square(x - target).sum())


def denoiser(name, digits, seed, args):
    """A fitted one, kept in a file."""
    path = Path(args.work) / f"{name.replace(', ', '_')}_{seed}_{args.epochs}.isthmus"
    if path.exists():
        return isthmus.load(path)
    training = isthmus.Training(
        epochs=args.epochs,
        batch_size=8,
        learning_rate=3e-3,
        schedule="one_cycle",
        patience=0,
    )
    made = isthmus.Denoiser(
        kind=isthmus.Audio(rate=RATE),
        slope=OWN[name],
        training=training,
        random_state=seed,
        verbose=0,
    )
    made.fit(
        digits.some(~digits.new)[:TRAINED], checkpoint=path.with_suffix(".checkpoint")
    )
    isthmus.save(made, path)
    return made


def cleaned(method, seed, noisy, digits, args):
    """What a method makes of noisy recordings, each with a second of its noise."""
    given, noises = noisy
    if method in OWN:
        return denoiser(method, digits, seed, args).transform(given)
    told = {"n_fft": 256, "n_std_thresh_stationary": 1.0, "prop_decrease": 1.0}
    answers = []
    for x, noise in zip(given, noises, strict=True):
        more = {"y_noise": noise, **told} if method == "gating, told" else {}
        answers.append(noisereduce.reduce_noise(x, RATE, stationary=True, **more))
    return answers


def gains(key, seed, method, args, digits):
    """Mean gain on recordings of the test speakers; noise is drawn anew for each."""
    _, kind, level = key.split(", ")
    level = int(level.split()[0])
    picked = np.flatnonzero(digits.new)[: args.recordings]
    clean, given, noises = [], [], []
    for k in picked:
        x = as_unit(digits.waves[k])
        lots = np.random.default_rng([seed, k, level, NOISES.index(kind)])
        loud = np.sqrt(np.square(x).mean()) * 10 ** (-level / 20)
        noise = loud * noise_of(kind, len(x) + RATE, digits, lots)
        clean.append(x)
        given.append((x + noise[: len(x)]).astype(np.float32))
        noises.append(noise[len(x) :].astype(np.float32))
    started = time.perf_counter()
    answers = cleaned(method, seed, (given, noises), digits, args)
    found = [gain(*three) for three in zip(answers, given, clean, strict=True)]
    return float(np.mean(found)), time.perf_counter() - started


# ------------------------------------------------------------------------------ table


def figures(args):
    """Every figure that is asked for: its key, and how it is found."""
    for seed in range(args.seeds):
        sounds = itertools.product(CLEANED, NOISES, LEVELS)
        for method, kind, level in sounds if args.only != "codes" else ():
            yield [f"gain, {kind}, {level} dB"], seed, method
        for method in PROBED if args.only != "noise" else ():
            if seed == 0 or method.startswith("isthmus"):
                yield [f"accuracy, {s}" for s in SPEAKERS], seed, method


def found(what, seed, method, args, digits):
    """Figures, and seconds they took."""
    started = time.perf_counter()
    if what[0].startswith("accuracy"):
        z = codes(method, digits, seed, args.quick)
        return accuracy(z, digits), time.perf_counter() - started
    figure, seconds = gains(what[0], seed, method, args, digits)
    return [figure], seconds


def main():
    """Print tables, and append a row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=12, help="of a denoiser")
    parser.add_argument("--recordings", type=int, default=120, help="to clean")
    parser.add_argument("--only", choices=["codes", "noise"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", default="work")
    parser.add_argument("--out", default="benchmarks/results/audio.csv")
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    args = parser.parse_args()
    most = None
    if args.quick:
        args.seeds, args.epochs, args.out, most, args.recordings = 1, 1, None, 300, 10
        args.work = f"{args.work}/quick"
    Path(args.work).mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    digits = Digits(args.data, most)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    packages = ("isthmus", "torch", "scikit-learn", "noisereduce")
    versions = {n: version(n) for n in packages}
    print(machine, versions, f"{args.seeds} seed(s)")
    seen = known(args.out, ["what", "seed", "method", "version"], ["figure"])
    rows = []
    for what, seed, method in figures(args):
        package = "isthmus" if method.startswith("isthmus") else "scikit-learn"
        used = versions["noisereduce" if method.startswith("gating") else package]
        keys = [(w, seed, method, used) for w in what]
        if not all(key in seen for key in keys):
            values, seconds = found(what, seed, method, args, digits)
            for key, value in zip(keys, values, strict=True):
                seen[key] = (value,)
                print(*key, f"{value:.4f}, {seconds:.1f} s", flush=True)
                if args.out is not None:
                    row = [machine, *key, round(value, 5), round(seconds, 1)]
                    append(args.out, COLUMNS, row)
        rows += [(w, method, seed, seen[k][0]) for w, k in zip(what, keys, strict=True)]
    frame = pd.DataFrame(rows, columns=["what", "method", "seed", "figure"])
    for name in ("mean", "std"):
        table = frame.pivot_table("figure", "what", "method", name, sort=False)
        print(name, "over seeds", table.round(3).to_string(), sep="\n")


if __name__ == "__main__":
    main()
