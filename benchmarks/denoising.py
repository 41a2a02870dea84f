"""How well is Gaussian noise taken from grey images, beside filters and BM3D?

A denoiser that is not told the level is trained on 400 images of 180 x 180 pixels
(Berkeley segmentation data, as DnCNN was; Zhang et al., 2017), turned and mirrored,
with noise of 15 to 55, within a time limit; and asked about the 68 images BSD68 and the
12 of Set12 at 15, 25 and 50, of 255. Figures are the mean PSNR over the images, 10
log10(255^2 / MSE), in dB; noise is not clipped, answers are. Beside it: the noisy
images, a Gaussian and a median filter, non-local means (Buades et al., 2005;
scikit-image) and BM3D (Dabov et al., 2007; the package of its authors), all of which
are told the level; the width of the filters is that which does best on images of
training.

    python benchmarks/denoising.py --data DIR [--seconds 7200] [--threads 2] [--quick]

DIR (or ISTHMUS_DATA) holds denoise/bsd400_train_180x180.npz, denoise/bsd68.npz and
denoise/set12.npz (github.com/SaoYan/DnCNN-PyTorch, data). The training writes a
checkpoint to --work, and goes on from it. Needs scikit-image and bm3d beside isthmus.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from bm3d import bm3d
from results_file import append, known
from scipy import ndimage
from skimage.restoration import denoise_nl_means

import isthmus
from isthmus.architectures.conv2d import Conv2d
from isthmus.bottlenecks.dense import Dense

LEVELS = 15, 25, 50
TRAINED = 15, 55
COLUMNS = ["date", "machine", "images", "level", "seed", "method", "version"]
COLUMNS += ["psnr", "seconds"]
ALL = "set12", "bsd68"


def images(folder, name):
    """Images as float32 from 0 to 255."""
    path = Path(folder) / "denoise" / f"{name}.npz"
    if not path.exists():
        raise SystemExit(f"{path}: not found. Name its folder with --data.")
    with np.load(path) as found:
        return [found[key].astype(np.float32) for key in sorted(found)]


def noisy(image, level, seed, place):
    """The image with noise that depends on its place in the set alone."""
    lots = np.random.default_rng([seed, place, level])
    return image + lots.normal(0, level, image.shape).astype(np.float32)


def psnr(answer, image):
    """In dB, of an answer that is brought into the range first."""
    error = np.square(np.clip(answer, 0, 255) - image, dtype=np.float64).mean()
    return 10 * np.log10(255**2 / error)


def turned(some):
    """All images, mirrored and turned by a quarter: four of each."""
    x = np.stack(some)
    mirrored = x[:, :, ::-1]
    return np.concatenate(
        [x, mirrored, np.rot90(x, 1, (1, 2)), np.rot90(mirrored, 1, (1, 2))]
    )


def denoiser(args, seed):
    """One that is trained for so many seconds."""
    path = Path(args.work) / f"denoiser_{args.seconds:g}s_{seed}.isthmus"
    if path.exists():
        return isthmus.load(path)
    model = isthmus.Autoencoder(
        architecture=Conv2d(channels=(64,), blocks=5, places=True, skips=True),
        bottleneck=Dense(size=64),
        validation=0.01,
    )
    training = isthmus.Training(
        seconds=args.seconds,
        epochs=50,
        batch_size=16,
        learning_rate=1e-3,
        optimizer="adamw",
        schedule="one_cycle",
        patience=0,
    )
    made = isthmus.Denoiser(
        noise=TRAINED,
        kind=isthmus.Images(patch=48),
        training=training,
        autoencoder=model,
        random_state=seed,
    )
    some = images(args.data, "bsd400_train_180x180")
    made.fit(turned(some), checkpoint=path.with_suffix(".checkpoint"))
    isthmus.save(made, path)
    return made


def filters(folder):
    """Filters by name, each told the level; widths do best on training images."""
    some = images(folder, "bsd400_train_180x180")[::20]

    def best(level, make, widths):
        def mean(width):
            pairs = [
                (make(noisy(x, level, 99, k), width), x) for k, x in enumerate(some)
            ]
            return np.mean([psnr(*pair) for pair in pairs])

        return max(widths, key=mean)

    gaussian = {
        s: best(s, ndimage.gaussian_filter, np.arange(0.4, 3, 0.1)) for s in LEVELS
    }
    median = {s: best(s, ndimage.median_filter, (3, 5, 7)) for s in LEVELS}
    return {
        "noisy": lambda x, _: x,
        "Gaussian filter": lambda x, s: ndimage.gaussian_filter(x, gaussian[s]),
        "median filter": lambda x, s: ndimage.median_filter(x, median[s]),
        "non-local means": lambda x, s: denoise_nl_means(
            x, patch_size=5, patch_distance=10, h=0.6 * s, sigma=s, fast_mode=True
        ),
        "BM3D": bm3d,
    }


PACKAGES = {"non-local means": "scikit-image", "BM3D": "bm3d"}


def version_of(method):
    """Of the package that answers."""
    own = method.startswith("isthmus")
    return version("isthmus" if own else PACKAGES.get(method, "scipy"))


def main():
    """Print a table, and append a row for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seconds", type=float, default=7200.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", action="append", help="such as BM3D; isthmus is us")
    parser.add_argument("--work", default="work")
    parser.add_argument("--out", default="benchmarks/results/denoising.csv")
    parser.add_argument("--quick", action="store_true", help="a minute; not recorded")
    args = parser.parse_args()
    sets = ALL
    if args.quick:
        args.seconds, args.out, sets = 30.0, None, ("set12",)
    Path(args.work).mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {args.threads} thread(s)"
    print(
        machine,
        {p: version(p) for p in ("isthmus", "torch", "scipy")},
        "seed",
        args.seed,
    )
    seen = known(args.out, ["images", "level", "seed", "method", "version"], ["psnr"])
    own = f"isthmus, blind, {args.seconds:g} s"
    methods = {own: None, **filters(args.data)}
    if args.method:
        asked = [own if name == "isthmus" else name for name in args.method]
        methods = {name: methods[name] for name in asked}
    for name in sets:
        clean = images(args.data, name)
        for method, level in itertools.product(methods, LEVELS):
            key = name, level, args.seed, method, version_of(method)
            if key in seen:
                print(*key, *seen[key])
                continue
            if methods[method] is None:
                made = denoiser(args, args.seed)
                methods[method] = lambda x, _, made=made: made.transform([x])[0]
            given = [noisy(x, level, args.seed, k) for k, x in enumerate(clean)]
            started = time.perf_counter()
            answers = [methods[method](x, level) for x in given]
            seconds = time.perf_counter() - started
            figure = np.mean(list(map(psnr, answers, clean)))
            print(*key, f"{figure:.2f} dB, {seconds:.1f} s", flush=True)
            if args.out is not None:
                row = [machine, *key, round(figure, 4), round(seconds, 2)]
                append(args.out, COLUMNS, row)


if __name__ == "__main__":
    main()
