"""Are texts of other subjects found among texts of one, beside peers?

BBC News (five subjects) and M10 (ten), as OCTIS has prepared them. Each subject in turn
is normal: 80 % of its texts train, the others and as many texts of other subjects (a
tenth of them, at most 200) test. Figures, as means over subjects:

- *auc*: ROC-AUC of the scores; *ap*: average precision;
- *false*: share of the normal test texts that are flagged, and *found*, of the others,
  where a false-alarm rate of 5 % is asked for (ours alone can be asked).

`isthmus` is the detector of texts at its defaults, which scores log p per word, words
outside of the vocabulary among them; *sum* is log p of the whole text. The peers see
tf-idf (1 + log tf) reduced to 64 numbers by SVD and brought to length 1, as the guide
of scikit-learn has it: Isolation Forest, one-class SVM and local outlier factor, all of
scikit-learn at their defaults; and *SVD residual* is how much of tf-idf the 64 numbers
do not hold.

    python benchmarks/text_anomalies.py --data DIR [--seeds 3] [--only bbc] [--quick]

DIR (or ISTHMUS_DATA) holds octis_text/ (https://github.com/MIND-Lab/OCTIS).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_file import append, known
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import IsolationForest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.svm import OneClassSVM

import isthmus
from isthmus.errors import IsthmusWarning

FILES = {"bbc": "bbc_news.parquet", "m10": "m10.parquet"}
KEY = ["corpus", "seed", "method"]
FIGURES = ["auc", "ap", "false", "found", "seconds"]
COLUMNS = ["date", "machine", "versions", *KEY, *FIGURES]
RATE = 0.05


class Ours:
    """The detector of texts at its defaults."""

    def __init__(self, seed, *, quick):
        own = isthmus.Autoencoder(epochs=2) if quick else None
        self.model = isthmus.AnomalyDetector(
            kind="text", fpr=RATE, random_state=seed, verbose=0, autoencoder=own
        )

    def fit(self, texts):
        self.model.fit(texts)

    def scores(self, texts):
        return -self.model.score_samples(texts)

    def flagged(self, texts):
        return self.model.predict(texts) < 0


class Sum(Ours):
    """log p of the whole text, of the same autoencoder."""

    def scores(self, texts):
        return -self.model.autoencoder_.score_samples(texts)

    def flagged(self, texts):
        return np.full(len(texts), np.nan)


class Peer:
    """A detector of scikit-learn on reduced tf-idf."""

    def __init__(self, detector):
        self.detector = detector
        self.vectors = make_pipeline(
            TfidfVectorizer(sublinear_tf=True, min_df=2),
            TruncatedSVD(64, random_state=0),
            Normalizer(copy=False),
        )

    def fit(self, texts):
        self.detector.fit(self.vectors.fit_transform(texts))

    def scores(self, texts):
        return -self.detector.score_samples(self.vectors.transform(texts))

    def flagged(self, texts):
        return np.full(len(texts), np.nan)


class Residual(Peer):
    """What the 64 numbers leave of tf-idf of length 1."""

    def __init__(self):
        super().__init__(None)
        self.vectors = self.vectors[:-1]

    def fit(self, texts):
        self.vectors.fit(texts)

    def scores(self, texts):
        return 1 - np.square(self.vectors.transform(texts)).sum(axis=1)


PEERS = {
    "Isolation Forest": IsolationForest(random_state=0),
    "one-class SVM": OneClassSVM(),
    "local outlier factor": LocalOutlierFactor(novelty=True),
}
METHODS = ["isthmus", "sum", "SVD residual", *PEERS]


def model_of(method, seed, *, quick):
    """What is measured; the peers draw from a seed that is fixed or not at all."""
    if method == "SVD residual":
        return Residual()
    if method in PEERS:
        return Peer(clone(PEERS[method]))
    return (Ours if method == "isthmus" else Sum)(seed, quick=quick)


def measure(method, texts, labels, seed, *, quick):
    """Means over the subjects that are normal in turn."""
    found, started = [], time.perf_counter()
    for subject in np.unique(labels)[: 2 if quick else None]:
        rng = np.random.default_rng(seed)
        normal = rng.permutation(np.flatnonzero(labels == subject))
        others = rng.permutation(np.flatnonzero(labels != subject))
        train, test = np.split(normal, [int(0.8 * len(normal))])
        odd = others[: min(len(others) // 10, 200)]
        model = model_of(method, seed, quick=quick)
        model.fit(list(texts[train]))
        asked = list(texts[np.concatenate([test, odd])])
        truth = np.repeat([0, 1], [len(test), len(odd)])
        scores, flags = model.scores(asked), model.flagged(asked)
        found.append(
            [
                roc_auc_score(truth, scores),
                average_precision_score(truth, scores),
                flags[truth == 0].mean(),
                flags[truth == 1].mean(),
            ]
        )
    return [*np.mean(found, axis=0), time.perf_counter() - started]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="bbc,m10")
    parser.add_argument("--quick", action="store_true", help="two subjects, two epochs")
    parser.add_argument("--out", default="benchmarks/results/text_anomalies.csv")
    args = parser.parse_args()
    warnings.simplefilter("ignore", IsthmusWarning)
    torch.set_num_threads(1)
    names = "isthmus", "torch", "scikit-learn"
    packages = str({name: version(name) for name in names})
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    done = set() if args.quick else known(args.out, KEY, FIGURES)
    for corpus in args.only.split(","):
        table = pd.read_parquet(Path(args.data) / "octis_text" / FILES[corpus])
        texts, labels = table["text"].to_numpy(), table["label"].to_numpy()
        for seed in range(1 if args.quick else args.seeds):
            for method in METHODS:
                if (corpus, seed, method) in done:
                    continue
                figures = measure(method, texts, labels, seed, quick=args.quick)
                told = "  ".join(
                    f"{name} {value:.3f}"
                    for name, value in zip(FIGURES, figures, strict=True)
                )
                print(f"{corpus} {seed} {method:<20} {told}", flush=True)
                if not args.quick:
                    rounded = [round(float(value), 5) for value in figures]
                    key = [corpus, seed, method]
                    append(args.out, COLUMNS, [machine, packages, *key, *rounded])
    if not args.quick:
        frame = pd.read_csv(args.out)
        print(frame.groupby(["corpus", "method"])[FIGURES].agg(["mean", "std"]))


if __name__ == "__main__":
    main()
