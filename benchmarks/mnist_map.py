"""Does a map of two numbers keep neighbours together, and still hold the pictures?

MNIST (LeCun et al., 1998) and Fashion-MNIST (Xiao et al., 2017), pixels from 0 to 1, as
in Sainburg et al. (2021): 50,000 pictures to train on, 10,000 held out, 10,000 to test
on. Of one model: the share of test pictures told by the 1 and by the 5 nearest training
codes, the trustworthiness (Venna & Kaski, 2001; 5 neighbours) of the codes of the first
10,000 training pictures, and the squared error per pixel of test pictures. An
autoencoder alone, and with a term that keeps neighbours together, beside PCA, UMAP and
parametric UMAP with its own decoder (umap-learn, at its defaults, where it is
installed: ``pip install umap-learn tensorflow``). UMAP's own inverse is not run.

    python benchmarks/mnist_map.py --data DIR [--method neighbors] [--quick]

For MNIST they print a 5-NN accuracy of .9614 (parametric UMAP), a trustworthiness of
.9874 (t-SNE) and an error of .0360 (UMAP as a term of an autoencoder); for
Fashion-MNIST .8039 (t-SNE), .9906 (t-SNE) and .0240. Trainings leave checkpoints in
``--work``, and go on from them; figures that are there are not measured again.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

import numpy as np
from mnist_codes import SHARED
from pictures import load, options, split, surroundings
from results_file import append, known
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import KNeighborsClassifier

import isthmus
from isthmus.terms.neighbors import Neighbors
from isthmus.terms.reconstruction import Reconstruction

OWN = SHARED | {"training": SHARED["training"].changed(batch_size=2000, epochs=120)}
JUDGED = 10_000  # rows of the trustworthiness: it compares them all
COLUMNS = ["date", "machine", "versions", "data", "method", "seed", "seconds"]
COLUMNS += ["test_1nn", "test_5nn", "trustworthiness", "test_mse"]


def pca(x, seed):
    """The plane of the largest variance."""
    return PCA(2, svd_solver="covariance_eigh", random_state=seed).fit(x)


def umap(x, seed):
    """McInnes et al. (2018)."""
    return import_module("umap").UMAP(random_state=seed).fit(x)


def parametric_umap(x, seed):
    """Sainburg et al. (2021), with a decoder that is trained beside the encoder."""
    import_module("tensorflow").keras.utils.set_random_seed(seed)
    made = import_module("umap.parametric_umap").ParametricUMAP
    quiet = {"verbose": False, "keras_fit_kwargs": {"verbose": 0}}
    return made(random_state=seed, parametric_reconstruction=True, **quiet).fit(x)


PEERS = {"PCA": pca, "UMAP": umap, "parametric UMAP": parametric_umap}
OURS = {"autoencoder": (), "neighbors": (Neighbors(weight=300.0),)}


def fitted(data, method, seed, parts, args):
    """A fitted model, and how many seconds that took."""
    (x, _), (held_out, _), _ = parts
    started = time.perf_counter()
    if method in PEERS:
        return PEERS[method](x, seed), round(time.perf_counter() - started)
    model = isthmus.Autoencoder(
        size=2,
        terms=(Reconstruction(), *OURS[method]),
        random_state=seed,
        verbose=0,
        **OWN,
    )
    if args.quick:
        model.set_params(training__epochs=2)
    path = Path(args.work) / f"map-{data}-{method}-{seed}.checkpoint"
    path.parent.mkdir(parents=True, exist_ok=True)
    model.fit(x, validation=held_out, checkpoint=path)
    return model, round(time.perf_counter() - started)


def judged(model, parts):
    """Both accuracies, the trustworthiness, and the error where there is a decoder."""
    (x, labels), _, (test, answers) = parts
    z, found = (np.asarray(model.transform(rows)) for rows in (x, test))
    right = [
        KNeighborsClassifier(k).fit(z, labels).score(found, answers) for k in (1, 5)
    ]
    trust = trustworthiness(x[:JUDGED], z[:JUDGED], n_neighbors=5)
    error = np.nan
    if type(model).__name__ != "UMAP":
        rebuilt = np.asarray(model.inverse_transform(found)).reshape(test.shape)
        if type(model).__name__ == "ParametricUMAP":
            rebuilt = expit(rebuilt)  # its decoder answers with logits
        error = float(np.square(rebuilt - test, dtype=np.float64).mean())
    return [round(float(figure), 5) for figure in (*right, trust, error)]


def main():
    parser = options(__doc__, "mnist_map.csv")
    parser.add_argument("--method", choices=[*PEERS, *OURS], action="append")
    parser.add_argument("--only", choices=["mnist", "fashion_mnist"], action="append")
    args = parser.parse_args()
    about = surroundings(args, "umap-learn", "tensorflow")
    done = known(args.out, ["data", "method", "seed"], COLUMNS[6:])
    for data in args.only or ["mnist", "fashion_mnist"]:
        parts = split(load(args.data, data), quick=args.quick)
        for method in args.method or [*PEERS, *OURS]:
            for seed in range(args.seeds if method != "PCA" else 1):
                if (data, method, seed) not in done:
                    model, seconds = fitted(data, method, seed, parts, args)
                    row = [seconds, *judged(model, parts)]
                    append(args.out, COLUMNS, [*about, data, method, seed, *row])
                    done[data, method, seed] = row
            show(data, method, done)


def show(data, method, rows):
    mine = [row for key, row in rows.items() if key[:2] == (data, method)]
    seconds, one, five, trust, error = np.array(mine, float).T
    print(
        f"{data:<14}{method:<17} 1-NN {one.mean():.4f}, 5-NN {five.mean():.4f} "
        f"({np.ptp(five):.4f}), trustworthiness {trust.mean():.4f} "
        f"({np.ptp(trust):.4f}), error {error.mean():.4f} ({np.ptp(error):.4f}); "
        f"{seconds.mean():.0f} s; {len(mine)} seed(s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
