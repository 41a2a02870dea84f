"""How likely are faces that an autoencoder has not met, and which does it make?

Olivetti faces (400 of 40 people, 64 x 64; Samaria & Harter, 1994): the last of each
person's ten is held out. Frey faces (1,965 of one film, 28 x 20; Roweis): one tenth,
drawn by lot, is held out. Pixels are grey values plus uniform noise, so that 256 levels
have a density (Theis et al., 2016). A variational autoencoder: of Olivetti a code of 32
numbers, a layer of 256 on each side, and pixels that are normal around what the decoder
tells, all with one variance s^2 = .15 of that of all pixels: the squared error with a
rate of weight 2 s^2, chosen on 40 of the training faces. Of Frey a code of 16, two
layers, and a scale of every pixel that the decoder tells, too. The bound
E_q[log p(x|z) + log p(z) - log q(z|x)] of held-out faces, in nats per image of pixels
from 0 to 1, by 100 draws of z each: with p(z) = N(0, I), for which it was trained, and
with the mixture that is fitted to its codes; and the log density where each pixel is
normal and by itself.

    python benchmarks/faces.py --data DIR --sheets FOLDER [--only frey] [--quick]

Into FOLDER, for your eyes: real faces, made ones, and ways from one held-out face to
another. They show people, and belong in no repository.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from results_file import append

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.plots import draw_sheet
from isthmus.terms.rate import Rate
from isthmus.terms.reconstruction import Reconstruction
from isthmus.trace import Batch
from isthmus.training import Training, seeded

FILES = {
    "olivetti": "olivetti_faces/olivetti_faces.npz",
    "frey": "frey_faces/frey_faces.npz",
}
VARIANCE = 0.15
"""Of a pixel of Olivetti given a code, where that of all pixels is 1."""

MODELS = {
    "olivetti": {
        "size": 32,
        "beta": 2 * VARIANCE,
        "architecture": Mlp(hidden=(256,)),
        "training": Training(epochs=150, batch_size=20, learning_rate=1e-3, patience=0),
    },
    "frey": {
        "size": 16,
        "likelihood": "normal",
        "architecture": Mlp(hidden=(256, 128)),
        "terms": (Reconstruction(), Rate(warm_up=0.2)),
        "training": Training(epochs=100, batch_size=32, learning_rate=2e-3, patience=0),
    },
}
DRAWS = 100
ACROSS, DOWN = 10, 6
COLUMNS = ["date", "machine", "versions", "faces", "seed", "epochs", "seconds"]
COLUMNS += ["bound", "bound_mixture", "bound_pixels", "error", "components"]


def load(name, folder, seed):
    """Faces to learn from and others, as grey values with noise within a level."""
    X = np.load(Path(folder) / FILES[name], allow_pickle=False)["X"]
    chance = np.random.default_rng(seed)
    if name == "olivetti":
        out = np.arange(len(X)) % 10 == 9
    else:
        out = np.isin(np.arange(len(X)), chance.permutation(len(X))[: len(X) // 10])
    X = ((X + chance.random(X.shape)) / 256).astype(np.float32)
    return X[~out], X[out]


def sampler(name, seed, quick):
    """A variational autoencoder, and a mixture over its codes."""
    model = dict(MODELS[name])
    if quick:
        model["training"] = model["training"].changed(epochs=3)
    inner = isthmus.variational(**model)
    return isthmus.Sampler(autoencoder=inner, random_state=seed, verbose=0)


def explained(module, params, x):
    """log p(x|z) of entries, with its constant."""
    if module.recipe.likelihood.metric == "mse":
        return torch.distributions.Normal(params, math.sqrt(VARIANCE)).log_prob(x)
    return module.likelihood.log_prob(params, x)


def bounds(made, X):
    """The bound of each face under both densities of codes, in nats."""
    ae, density = made.autoencoder_, made.density_
    module, converter = ae.module_, ae._converter  # noqa: SLF001
    x = ae._read(X)[1].x  # noqa: SLF001
    normal = torch.distributions.Normal(0.0, 1.0)
    totals = torch.zeros(2, len(x), dtype=torch.double)
    with torch.inference_mode(), seeded(0, torch.device("cpu")):
        features, _ = module.features(x, module.context(Batch(x)))
        typical = module.bottleneck.typical(features)
        posterior = torch.distributions.Normal(typical.mean, typical.log_scale.exp())
        for _ in range(DRAWS):
            z = posterior.sample()
            params = module.decode(z)
            logs = explained(module, params, x).flatten(1).sum(1)
            rest = logs - posterior.log_prob(z).sum(1)
            totals[0] += rest + normal.log_prob(z).sum(1)
            totals[1] += rest + density.log_prob(z)
    scale = math.log(converter.scale[0]) * x[0].numel()
    return (totals / DRAWS - scale).numpy()


def pixel_bound(train, X):
    """log density of faces where every pixel is normal and by itself."""
    mean, spread = train.mean(0), np.maximum(train.std(0), 1e-3)
    logs = -0.5 * ((X - mean) / spread) ** 2 - np.log(spread * math.sqrt(2 * math.pi))
    return logs.sum((1, 2))


def sheets(made, train, held_out, folder, name):
    """Real faces, made ones, and ways between held-out ones."""
    folder.mkdir(parents=True, exist_ok=True)
    count = ACROSS * DOWN
    draw_sheet(folder / f"{name}_real.png", list(train[:: len(train) // count][:count]))
    new = made.sample(count, random_state=0)
    draw_sheet(folder / f"{name}_made.png", list(new))
    step = len(held_out) // (2 * DOWN)
    ways = []
    for j in range(DOWN):
        one, two = held_out[2 * j * step], held_out[(2 * j + 1) * step]
        way = "linear" if j < DOWN // 2 else "spherical"
        between = made.interpolate(one[None], two[None], ACROSS - 2, way=way)
        ways += [one, *between, two]
    draw_sheet(folder / f"{name}_ways.png", ways)
    print(f"wrote {folder / name}_real.png, _made.png, _ways.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--sheets", type=Path, help="folder for pictures of faces")
    parser.add_argument("--only", default="", help="olivetti or frey")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="three epochs")
    parser.add_argument("--out", default="benchmarks/results/faces.csv")
    args = parser.parse_args()
    packages = {n: version(n) for n in ("isthmus", "torch", "scikit-learn")}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    torch.set_num_threads(1)
    print(machine, packages)
    for name in [args.only] if args.only else FILES:
        train, held_out = load(name, args.data, args.seed)
        started = time.perf_counter()
        made = sampler(name, args.seed, args.quick).fit(train)
        seconds = time.perf_counter() - started
        found = bounds(made, held_out)
        told = pixel_bound(train, held_out)
        mean, error = found.mean(1), found[0].std() / math.sqrt(len(held_out))
        error_of_means = held_out - made.autoencoder_.reconstruct(held_out)
        print(
            f"{name}: bound {mean[0]:.1f} ({error:.1f}) nats per image with N(0, I), "
            f"{mean[1]:.1f} with {len(made.density_.weights)} normal distributions; "
            f"pixels by themselves {told.mean():.1f}; mean squared error "
            f"{np.square(error_of_means).mean():.5f}; {seconds:.0f} s"
        )
        if not args.quick:
            figures = [*mean, told.mean(), error]
            epochs = MODELS[name]["training"].epochs
            row = [machine, str(packages), name, args.seed, epochs, round(seconds)]
            row += [round(float(f), 2) for f in figures]
            append(args.out, COLUMNS, [*row, len(made.density_.weights)])
        if args.sheets is not None:
            sheets(made, train, held_out, args.sheets, name)


if __name__ == "__main__":
    main()
