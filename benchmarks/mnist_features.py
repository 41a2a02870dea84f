"""How far do features learned without labels make digits linearly separable?

MNIST (LeCun et al., 1998), pixels from 0 to 1: 50,000 pictures to learn from, 10,000 to
choose by, 10,000 to test on. Codes of 1,000 entries learned by several presets
without labels in 12 epochs, and of 3,000 winners in 60; then logistic regression on the
codes, its penalty chosen on validation: share of test pictures that are mistaken, in
percent. Beside it, the same of raw pixels, of 100 principal components and of 1,000
rectified random projections. "tied": the decoder's weights are the encoder's, and the
squared error is that of pixels scaled to unit variance. "shifted": the codes, not the
regression, learn from every picture in nine places, a pixel apart, in 7 epochs.

    python benchmarks/mnist_features.py --data DIR [--method k_sparse] [--quick]

Makhzani & Frey (2013) print 1.35 for 1,000 units of which 25 are active. Bar: 1.35 for
the best. Trainings leave checkpoints in ``--work``, and go on from them; figures that
are there are not measured again.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from pictures import load, options, split, surroundings
from results_file import append, known
from sklearn.decomposition import PCA
from sklearn.preprocessing import FunctionTransformer
from torch.nn.functional import cross_entropy

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.dense import Dense
from isthmus.corruptions.masking import Masking
from isthmus.training import Training

UNITS = 1000
PENALTIES = 1e-3, 1e-4, 1e-5, 1e-6
TRAINING = Training(learning_rate=1e-3, batch_size=256, patience=0, epochs=12)
FREE = {"likelihood": "bce", "architecture": Mlp(hidden=()), "training": TRAINING}
TIED = FREE | {"likelihood": "mse", "architecture": Mlp(hidden=(), tied=True)}
RECTIFIED = {"bottleneck": Dense(activation="relu")}
HIDDEN = RECTIFIED | {"corruption": Masking(rate=0.4, told=False)}
LONG = TIED | {"training": TRAINING.changed(epochs=60)}
NINE = TIED | {"training": TRAINING.changed(epochs=7)}
METHODS = {
    "overcomplete": lambda **g: isthmus.overcomplete(UNITS, **RECTIFIED, **FREE, **g),
    "k_sparse": lambda **g: isthmus.k_sparse(UNITS, k=25, **FREE, **g),
    "k_sparse, tied": lambda **g: isthmus.k_sparse(UNITS, k=25, **TIED, **g),
    "sparse_kl": lambda **g: isthmus.sparse_kl(UNITS, target=0.05, **FREE, **g),
    "sparse_l1": lambda **g: isthmus.sparse_l1(UNITS, weight=0.3, **FREE, **g),
    "denoising": lambda **g: isthmus.denoising(UNITS, **HIDDEN, **FREE, **g),
    "denoising, tied": lambda **g: isthmus.denoising(UNITS, **HIDDEN, **TIED, **g),
    "contractive": lambda **g: isthmus.contractive(
        UNITS, weight=0.1, probes=1, **FREE, **g
    ),
    "masked": lambda **g: isthmus.masked(UNITS, **RECTIFIED, **FREE, **g),
    "variational": lambda **g: isthmus.variational(UNITS, **FREE, **g),
    "winner_take_all": lambda **g: isthmus.winner_take_all(UNITS, **TIED, **g),
    "winner_take_all, 3,000": lambda **g: isthmus.winner_take_all(3000, **LONG, **g),
    "winner_take_all, 3,000, shifted": lambda **g: isthmus.winner_take_all(
        3000, **NINE, **g
    ),
}
DIRECTIONS = np.random.default_rng(0).normal(size=(784, UNITS)).astype(np.float32)
PLAIN = {
    "pixels": FunctionTransformer(),
    "PCA": PCA(100, svd_solver="covariance_eigh"),
    "random": FunctionTransformer(lambda x: np.maximum(x @ DIRECTIONS, 0)),
}
COLUMNS = ["date", "machine", "versions", "method", "seed", "epochs", "seconds"]
COLUMNS += ["penalty", "validation_mistaken", "test_mistaken"]


def nine_places(x):
    """Pictures where they are, and moved by a pixel each way and any two ways."""
    wide = np.pad(x.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))
    moved = [
        wide[:, down : down + 28, right : right + 28].reshape(len(x), -1)
        for down in range(3)
        for right in range(3)
    ]
    return np.concatenate(moved)


def probe(codes, labels, penalty, steps, start):
    """Logistic regression on codes: weights and biases at the least of the loss.

    Cross-entropy in the mean over the rows, plus penalty |W|^2, by L-BFGS from a start.
    """
    weights, biases = (part.clone().requires_grad_() for part in start)
    rule = torch.optim.LBFGS(
        [weights, biases], max_iter=steps, line_search_fn="strong_wolfe"
    )

    def loss():
        rule.zero_grad()
        cost = cross_entropy(torch.addmm(biases, codes, weights), labels)
        cost = cost + penalty * weights.square().sum()
        cost.backward()
        return cost

    rule.step(loss)
    return weights.detach(), biases.detach()


def mistaken(model, parts, steps):
    """The penalty chosen on validation; percent mistaken there, and of the test."""
    codes = [np.asarray(model.transform(rows), np.float32) for rows, _ in parts]
    middle, spread = codes[0].mean(0), codes[0].std(0).mean()
    codes = [torch.from_numpy((z - middle) / spread) for z in codes]
    labels = [torch.from_numpy(answers).long() for _, answers in parts]
    found, probed = [], (torch.zeros(codes[0].shape[1], 10), torch.zeros(10))
    for penalty in PENALTIES:
        weights, biases = probed = probe(codes[0], labels[0], penalty, steps, probed)
        wrong = [
            100 * float(((z @ weights + biases).argmax(1) != answers).float().mean())
            for z, answers in zip(codes[1:], labels[1:], strict=True)
        ]
        found.append((wrong[0], penalty, wrong[1]))
    validation, penalty, test = min(found)
    return [penalty, round(validation, 3), round(test, 3)]


def fitted(method, seed, parts, args):
    """A fitted model, how many epochs that took, and how many seconds."""
    (x, _), (held_out, _), _ = parts
    started = time.perf_counter()
    if method in PLAIN:
        model = PLAIN[method].fit(x)
        return model, 0, round(time.perf_counter() - started)
    model = METHODS[method](random_state=seed, verbose=0)
    if args.quick:
        model.set_params(training__epochs=1)
    path = Path(args.work) / f"features-{method}-{seed}.checkpoint"
    path.parent.mkdir(parents=True, exist_ok=True)
    x = nine_places(x) if method.endswith("shifted") else x
    model.fit(x, validation=held_out, checkpoint=path)
    return model, len(model.history_), round(time.perf_counter() - started)


def main():
    parser = options(__doc__, "mnist_features.csv")
    parser.add_argument("--method", choices=METHODS, action="append")
    args = parser.parse_args()
    about = surroundings(args)
    parts = split(load(args.data), quick=args.quick)
    done = known(args.out, ["method", "seed"], COLUMNS[5:])
    for method in (*PLAIN, *(args.method or METHODS)):
        for seed in range(args.seeds if method in METHODS else 1):
            if (method, seed) not in done:
                model, *cost = fitted(method, seed, parts, args)
                row = [*cost, *mistaken(model, parts, 10 if args.quick else 80)]
                append(args.out, COLUMNS, [*about, method, seed, *row])
                done[method, seed] = row
        show(method, [row for (name, _), row in done.items() if name == method])


def show(method, rows):
    epochs, seconds, _, validation, test = np.array(rows, float).T
    print(
        f"  {method:<23} mistaken {test.mean():.2f} % ({np.ptp(test):.2f}), of "
        f"validation {validation.mean():.2f} %; {epochs.mean():.0f} epochs, "
        f"{seconds.mean():.0f} s; {len(rows)} seed(s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
