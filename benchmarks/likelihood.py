"""How likely do variational autoencoders hold digits that they have not met?

MNIST (LeCun et al., 1998), 60,000 pictures to train on, binarised afresh at every use:
a pixel is 1 with its grey value as the probability. A code of 50 numbers and two hidden
layers of 200 on each side, as in Burda et al. (2016), but SiLU for tanh: a VAE, and an
importance-weighted autoencoder of five draws. -log p(x) in nats, the mean over the
10,000 test pictures, binarised once, by 5,000 importance samples each. Beside it the
bound with one sample, and how many entries of the code are active: variance over the
test pictures of the posterior's mean above .01.

    python benchmarks/likelihood.py --data DIR [--method vae] [--seeds 1] [--quick]

Burda et al. print 86.76 for the VAE, 85.54 and 84.78 for 5 and 50 draws; bar: 86.4 for
the VAE within two hours on two cores, and a smaller value for 5 draws. Settings were
chosen by trials on the last 5,000 training pictures. Trainings leave checkpoints in
``--work``, and go on from them; figures that are there are not measured again.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from curve import Curve
from fresh import train
from pictures import load, options, surroundings
from results_file import append, known

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.terms.importance_bound import ImportanceBound
from isthmus.trace import Batch
from isthmus.training import Training, seeded

CODE, HIDDEN = 50, (200, 200)
PARTS = {
    "vae": {"bottleneck": Gaussian(size=CODE)},
    "iwae-5": {
        "bottleneck": Gaussian(size=CODE, draws=5),
        "terms": (ImportanceBound(),),
    },
}
EPOCHS = {"vae": 600, "iwae-5": 300}
TRAINING = Training(
    optimizer="adam", learning_rate=1e-3, batch_size=128, patience=0, schedule="cosine"
)
COLUMNS = ["date", "machine", "versions", "method", "seed", "epochs", "seconds"]
COLUMNS += ["nll", "bound", "rate", "active"]


def trained(method, seed, x, curve, args):
    """An estimator that learned to hold the pictures ``x`` likely."""
    epochs = 2 if args.quick else EPOCHS[method]
    model = isthmus.Autoencoder(
        architecture=Mlp(hidden=HIDDEN, activation="silu"),
        likelihood="bce",
        training=TRAINING.changed(epochs=epochs),
        random_state=seed,
        callbacks=(curve,),
        verbose=0,
        **PARTS[method],
    )
    path = Path(args.work) / f"{method}-{seed}.checkpoint"
    return train(model, x, path, change=torch.bernoulli)


@torch.inference_mode()
def log_weights(module, x, draws):
    """log p(x, z) - log q(z|x) of so many draws of z, (draws, B)."""
    code = module(Batch(x), chance=False).code
    noise = torch.randn(draws, *code.mean.shape)
    z = code.mean + code.log_scale.exp() * noise
    # log p(z) - log q(z|x): the constants log(2 pi) / 2 cancel
    ratio = 0.5 * (noise.square() - z.square()).sum(-1) + code.log_scale.sum(-1)
    y = module.decode(z.flatten(0, 1)).unflatten(0, (draws, -1))
    return ratio - module.likelihood.distortion(y, x.expand_as(y), None, 1)


def nll(module, x, samples, block=100, at_a_time=50):
    """Mean of -log p(x) by importance samples, and of the bound with one of them."""
    total = single = 0.0
    for rows in x.split(block):
        parts = [
            log_weights(module, rows, at_a_time) for _ in range(samples // at_a_time)
        ]
        weights = torch.cat(parts).double()
        total -= float((weights.logsumexp(0) - math.log(len(weights))).sum())
        single -= float(weights.mean(0).sum())
    return total / len(x), single / len(x)


@torch.inference_mode()
def use_of_the_code(module, x):
    """Mean KL in nats, and how many entries are active."""
    code = module(Batch(x), chance=True).code
    return float(code.rate.sum(-1).mean()), int((code.mean.var(0) > 0.01).sum())


def binary(x, seed):
    """Rows ``x`` binarised once."""
    drawn = np.random.default_rng(seed).random(x.shape, dtype=np.float32)
    return (drawn < x).astype(np.float32)


def main():
    parser = options(__doc__, "likelihood.csv")
    parser.add_argument("--method", choices=PARTS, action="append")
    args = parser.parse_args()
    about = surroundings(args)
    pictures = load(args.data)
    x, test, samples = pictures.train, torch.from_numpy(binary(pictures.test, 0)), 5000
    if args.quick:
        x, test, samples = x[:2000], test[:200], 100
    done = known(args.out, ["method", "seed"], COLUMNS[5:])
    for method in args.method or PARTS:
        for seed in range(args.seeds):
            if (method, seed) not in done:
                curve = curve_of(method, seed, test[:100], args)
                model = trained(method, seed, x, curve, args)
                figures = [round(f, 3) for f in judged(model.module_, test, samples)]
                row = [len(model.history_), round(curve.seconds), *figures]
                append(args.out, COLUMNS, [*about, method, seed, *row])
                done[method, seed] = row
        show(method, [row for (name, _), row in done.items() if name == method])


def curve_of(method, seed, x, args):
    """Writes down the loss, and the bound of some test pictures, every ten epochs."""

    def look(epoch):
        with seeded(0, x.device):
            bound = nll(epoch.model, x, 100)[0]
        return {"loss": epoch.figures["loss"], "nll_of_100_test_pictures": bound}

    path = Path(args.out).with_name("likelihood_curves.csv")
    return Curve(path, {"method": method, "seed": seed}, 10, look)


def judged(module, test, samples):
    """-log p, the bound, the rate, and the number of active entries."""
    module.eval()
    with seeded(0, test.device):
        return *nll(module, test, samples), *use_of_the_code(module, test)


def show(method, rows):
    epochs, seconds, cost, bound, rate, active = np.array(rows, float).T
    print(
        f"  {method:<8} -log p {cost.mean():.2f} ({np.ptp(cost):.2f}), "
        f"bound {bound.mean():.2f}, rate {rate.mean():.1f}, {active.mean():.0f} used; "
        f"{epochs.mean():.0f} epochs, {seconds.mean():.0f} s; {len(rows)} seed(s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
