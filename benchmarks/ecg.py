"""How much noise is taken from an electrocardiogram, beside two classical ways?

Record 100 of the MIT-BIH arrhythmia database (Moody and Mark, 2001), both leads at 360
Hz: the first half to learn from, the second with white noise of 0, 5 and 10 dB below
the signal (each lead less its running median, by variance). Figures are gains in the
ratio of signal to noise, in dB, on the second half. Beside the denoiser: a
Savitzky-Golay filter (1964), its window and order chosen on the first half at each
level, and wavelet shrinkage (Donoho and Johnstone, 1994; symlets, soft universal
threshold times the factor that does best on the first half at each level). The denoiser
is not told the level.

    python benchmarks/ecg.py --data DIR [--seeds 3] [--seconds 600] [--quick]

DIR (or ISTHMUS_DATA) holds mitbih_100/mitbih_100.npz (physionet.org). Wavelets need
PyWavelets.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pywt
import torch
from results_file import append, known
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter

import isthmus
from isthmus.tasks.denoiser import NETWORKS

LEVELS = 0, 5, 10
COLUMNS = ["date", "machine", "level_db", "seed", "method", "version", "gain_db"]
COLUMNS += ["seconds"]


def record(folder):
    """Both leads in millivolts, without their baselines, as two halves (n, 2)."""
    path = Path(folder) / "mitbih_100" / "mitbih_100.npz"
    if not path.exists():
        raise SystemExit(f"{path}: not found. Name its folder with --data.")
    with np.load(path) as found:
        volts = (found["signal"] - found["baseline"]) / found["gain"]
    base = median_filter(volts[::8], size=(45, 1))  # a second
    at = np.arange(len(volts))
    level = np.column_stack([np.interp(at, at[::8], b) for b in base.T])
    return np.array_split((volts - level).astype(np.float32), 2)


def with_noise(clean, db, seed):
    """White noise so many dB below the signal, lead by lead."""
    scale = clean.std(axis=0) * 10 ** (-db / 20)
    lots = np.random.default_rng([seed, db])
    return clean + (scale * lots.normal(size=clean.shape)).astype(np.float32)


def ratio(answer, clean):
    """Signal to noise in dB, averaged over the leads."""
    error = np.square(answer - clean, dtype=np.float64).mean(axis=0)
    return float(np.mean(10 * np.log10(clean.var(axis=0) / error)))


def savgol(x, setting):
    window, order = setting
    return savgol_filter(x, window, order, axis=0)


def wavelet(x, setting):
    """Soft shrinkage of the details, noise by their median (Donoho, 1995)."""
    name, factor, depth = setting
    leads = []
    for lead in x.T:
        coarse, *details = pywt.wavedec(lead, name, level=depth)
        noise = np.median(np.abs(details[-1])) / 0.6745
        cut = factor * noise * np.sqrt(2 * np.log(len(lead)))
        kept = [pywt.threshold(d, cut, "soft") for d in details]
        leads.append(pywt.waverec([coarse, *kept], name)[: len(lead)])
    return np.column_stack(leads).astype(np.float32)


SETTINGS = {
    "Savitzky-Golay": (
        savgol,
        [(w, p) for w in range(5, 42, 4) for p in (2, 3, 4, 6) if p < w],
    ),
    "wavelet shrinkage": (
        wavelet,
        [
            (f"sym{k}", f, depth)
            for k in (4, 8)
            for f in (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
            for depth in (4, 6)
        ],
    ),
}


def best(method, clean, db):
    """The setting that gains most on a part of the first half."""
    ask, settings = SETTINGS[method]
    some = clean[:60_000]
    given = with_noise(some, db, 99)
    setting = max(settings, key=lambda one: ratio(ask(given, one), some))
    return lambda x: ask(x, setting), setting


def main():
    """Print a table, and append a row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="benchmarks/results/ecg.csv")
    parser.add_argument("--quick", action="store_true", help="a trial, not recorded")
    args = parser.parse_args()
    if args.quick:
        args.seeds, args.seconds, args.out = 1, 20.0, None
    torch.set_num_threads(args.threads)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    packages = {n: version(n) for n in ("isthmus", "torch", "scipy", "PyWavelets")}
    print(machine, packages, f"{args.seeds} seed(s)")
    seen = known(args.out, ["level_db", "seed", "method", "version"], ["gain_db"])
    train, test = record(args.data)
    own = f"isthmus, blind, {args.seconds:g} s"
    for seed in range(args.seeds):
        model = None
        for method in (own, *SETTINGS):
            for db in LEVELS:
                package = {"Savitzky-Golay": "scipy", "wavelet shrinkage": "PyWavelets"}
                key = db, seed, method, packages[package.get(method, "isthmus")]
                if key in seen:
                    print(*key, *seen[key])
                    continue
                if method == own:
                    model = model or fitted(train, args, seed)
                    ask, setting = model.transform, ""
                else:
                    ask, setting = best(method, train, db)
                given = with_noise(test, db, seed)
                started = time.perf_counter()
                gain = ratio(ask(given), test) - ratio(given, test)
                seconds = time.perf_counter() - started
                print(*key, f"{gain:.2f} dB, {seconds:.1f} s", setting, flush=True)
                if args.out is not None:
                    append(
                        args.out,
                        COLUMNS,
                        [machine, *key, round(gain, 4), round(seconds, 2)],
                    )


def fitted(train, args, seed):
    """A denoiser of noise from -2 to 12 dB below the signal."""
    training = isthmus.Training(seconds=args.seconds, epochs=500, patience=0)
    scales = tuple(float(10 ** (-db / 20)) for db in (12, -2))
    # scales are in standard deviations, as the noise is in those of a lead
    made = isthmus.Denoiser(
        kind=isthmus.Series(window=256),
        noise=scales,
        training=training,
        random_state=seed,
        autoencoder=isthmus.Autoencoder(scaling="standard", **NETWORKS["series"]),
    )
    return made.fit(train)


if __name__ == "__main__":
    main()
