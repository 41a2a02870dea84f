"""Topics and codes of texts, beside LSA, LDA, NMF and ProdLDA.

Three corpora, 50 topics or entries of a code for all (as Dieng et al., 2020, and Wu et
al., 2023, have it), trained on the training split with default settings:

- BBC News and M10 (OCTIS; its preprocessing and splits; each text a row of words);
- 20 Newsgroups (bags of words and halves of test documents of the ETM's authors).

Figures:
- *npmi*: mean NPMI of the pairs of the ten foremost words of a topic, over topics.
  Words go together in windows of ten words of all texts of the corpus for BBC and M10
  (``c_npmi`` of gensim, as OCTIS has it with the corpus as reference); in whole
  documents for 20 Newsgroups, whose order of words is not known;
- *diversity*: share of different words among the 25 foremost of all topics;
- *accuracy*: logistic regression on the standardised code of training texts predicts
  the labels of test texts;
- *perplexity*: of the second halves of test documents given the first, the exponential
  of the mean over documents of -log p per word.

`isthmus topics` is `isthmus.topics`, `isthmus code` the default autoencoder of texts.
The peers: LSA and NMF of tf-idf; NMF of counts by Kullback-Leibler divergence; LDA
(online, 10 passes); all of scikit-learn; ProdLDA of TopMost, at its defaults (200
epochs), where it is installed. Perplexity of NMF is with 1 % of the shares of the
corpus mixed in, since it holds some words for impossible. Codes of `isthmus topics` are
logarithms of shares, those of the others are shares.

    python benchmarks/text.py --data DIR [--seeds 3] [--only bbc,m10] [--quick]

DIR (or ISTHMUS_DATA) holds octis_text/ and 20news_bow_etm/. With --validation models
are judged on the validation split: that is how settings were chosen.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import platform
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from results_file import append, known
from scipy import sparse
from sklearn.decomposition import NMF, LatentDirichletAllocation, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.corruptions.word_dropout import WordDropout
from isthmus.data.words import windows
from isthmus.errors import IsthmusWarning
from isthmus.metrics import npmi, topic_diversity

TOPICS = 50
CUT = {"token_pattern": r"\S+", "lowercase": False}
ALL = isthmus.Text(**CUT, min_df=1, max_df=1.0)
"""The vocabulary of the corpus as it is."""

FIGURES = ["npmi", "diversity", "accuracy", "perplexity", "seconds"]
COLUMNS = ["date", "machine", "versions", "corpus", "seed", "method", *FIGURES]


class Corpus:
    """Texts or bags of words, in a training and a test split."""

    def __init__(self, name, folder, *, validation):
        self.name, held = name, "val" if validation else "test"
        self.labels = self.halves = self.texts = None
        if name == "20news":
            self._bags(np.load(Path(folder) / "20news_bow_etm/20news_bow.npz"), held)
        else:
            file = {"bbc": "bbc_news", "m10": "m10"}[name]
            self._texts(
                pd.read_parquet(Path(folder) / f"octis_text/{file}.parquet"), held
            )

    def _texts(self, frame, held):
        seen = frame[frame["split"].isin(["train", "val", held])]
        train, test = (frame[frame["split"] == split] for split in ("train", held))
        self.texts = [list(part["text"]) for part in (train, test)]
        self.labels = [part["label"].to_numpy() for part in (train, test)]
        counter = CountVectorizer(**CUT)
        counter.fit(self.texts[0])
        self.words = list(counter.get_feature_names_out())
        self.counts = [sparse.csr_array(counter.transform(t)) for t in self.texts]
        self.reference = windows(list(seen["text"]), self.words, ALL)

    def _bags(self, file, held):
        self.words = [str(word) for word in file["vocab"]]
        parts = {n: _rows(file, n) for n in ("tr", "va", "ts", "ts_h1", "ts_h2")}
        self.counts = [parts["tr"], parts["ts" if held == "test" else "va"]]
        some = ["tr", "va", "ts"] if held == "test" else ["tr", "va"]
        self.reference = sparse.vstack([parts[n] for n in some])
        self.halves = parts["ts_h1"], parts["ts_h2"]
        if held != "test":  # a thousand training documents, halved by lot
            order = np.random.default_rng(0).permutation(parts["tr"].shape[0])
            some, self.counts[0] = (
                parts["tr"][k] for k in (order[:1000], order[1000:])
            )
            first = some.copy()
            first.data = np.random.default_rng(1).binomial(some.data, 0.5)
            self.halves = first, some - first

    @property
    def base(self):
        """Share of each word in the training split."""
        often = np.asarray(self.counts[0].sum(axis=0)).ravel() + 0.5
        return often / often.sum()


def _rows(file, name):
    data, indices, indptr = (file[f"{name}_{k}"] for k in ("data", "indices", "indptr"))
    shape = len(indptr) - 1, len(file["vocab"])
    parts = data.astype(np.int64), indices.astype(np.int32), indptr
    return sparse.csr_array(parts, shape=shape)


class Ours:
    """isthmus: topics, or the default code; bags of words get what texts get."""

    def __init__(self, kind, seed, quick):
        self.kind = kind
        self.params = {
            "random_state": seed,
            "verbose": 0,
            "epochs": 1 if quick else None,
        }

    def fit(self, corpus):
        usual = {"kind": "counts" if corpus.texts is None else ALL, **self.params}
        if self.kind == "topics":
            self.model = isthmus.topics(TOPICS, **usual)
        elif corpus.texts is None:
            self.model = isthmus.Autoencoder(
                size=TOPICS,
                likelihood="multinomial",
                corruption=WordDropout(),
                architecture=Mlp(hidden=(256,), decoder=()),
                **usual,
            )
        else:
            self.model = isthmus.Autoencoder(size=TOPICS, **usual)
        self.model.fit((corpus.texts or corpus.counts)[0])
        if self.kind == "topics":
            self.topics, self.words = isthmus.topic_weights(self.model)
            if corpus.texts is None:  # columns of a matrix have no names
                self.words = corpus.words
        return self

    def codes(self, corpus):
        z = [self.model.transform(x) for x in corpus.texts]
        return [np.log(x) for x in z] if self.kind == "topics" else z

    def shares(self, counts):
        made = self.model.reconstruct(counts).astype(np.float64)
        return made / made.sum(axis=1, keepdims=True)


class Linear:
    """LSA, NMF and LDA of scikit-learn."""

    def __init__(self, kind, seed, quick):
        few = {"max_iter": 2} if quick else {}
        self.kind = kind
        self.tfidf = TfidfTransformer(sublinear_tf=kind == "LSA")
        self.model = {
            "LSA": lambda: TruncatedSVD(TOPICS, random_state=seed),
            "NMF": lambda: NMF(TOPICS, random_state=seed, **few),
            "NMF (KL)": lambda: NMF(
                TOPICS,
                beta_loss="kullback-leibler",
                solver="mu",
                init="nndsvda",
                random_state=seed,
                **few,
            ),
            "LDA": lambda: LatentDirichletAllocation(
                TOPICS, learning_method="online", random_state=seed, **few
            ),
        }[kind]()

    def fit(self, corpus):
        self.base = corpus.base
        self.tfidf.fit(corpus.counts[0])
        self.model.fit(self._seen(corpus.counts[0]))
        self.topics, self.words = self.model.components_, corpus.words
        return self

    def _seen(self, counts):
        return self.tfidf.transform(counts) if self.kind in {"LSA", "NMF"} else counts

    def codes(self, corpus):
        return [self.model.transform(self._seen(x)) for x in corpus.counts]

    def shares(self, counts):
        if self.kind in {"LSA", "NMF"}:
            return None
        z, topics = self.model.transform(counts), self.model.components_
        if self.kind == "LDA":
            return z @ (topics / topics.sum(axis=1, keepdims=True))
        made = z @ topics
        made /= np.maximum(made.sum(axis=1, keepdims=True), 1e-12)
        return 0.99 * made + 0.01 * self.base


class ProdLda:
    """ProdLDA of TopMost, by a loop like that of its own trainer."""

    def __init__(self, seed, quick):
        self.seed, self.epochs = seed, 1 if quick else 200

    def fit(self, corpus):
        torch.manual_seed(self.seed)
        x = self._dense(corpus.counts[0])
        self.model = _topmost().ProdLDA(x.shape[1], TOPICS)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=0.002)
        for _ in range(self.epochs):
            self.model.train()
            for index in torch.randperm(len(x)).split(200):
                optimizer.zero_grad()
                self.model(x[index])["loss"].backward()
                optimizer.step()
        self.model.eval()
        self.topics = self.model.get_beta().detach().numpy()
        self.words = corpus.words
        return self

    def _dense(self, counts):
        return torch.tensor(counts.toarray(), dtype=torch.float32)

    @torch.inference_mode()
    def codes(self, corpus):
        return [self.model.get_theta(self._dense(x)).numpy() for x in corpus.counts]

    @torch.inference_mode()
    def shares(self, counts):
        theta = self.model.get_theta(self._dense(counts))
        return self.model.decode(theta).double().numpy()


def _topmost():
    """The file of the model alone: the package imports transformers of sentences."""
    (folder,) = importlib.util.find_spec("topmost").submodule_search_locations
    path = Path(folder) / "models/basic/ProdLDA.py"
    spec = importlib.util.spec_from_file_location("prodlda", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(corpus, model):
    """Figures of one model, fitted here."""
    found = dict.fromkeys(FIGURES, np.nan)
    started = time.perf_counter()
    model.fit(corpus)
    found["seconds"] = time.perf_counter() - started
    if hasattr(model, "topics"):
        order = np.argsort(-model.topics, axis=1, kind="stable")
        top = [[model.words[j] for j in row[:25]] for row in order]
        foremost = [row[:10] for row in top]
        found["npmi"] = npmi(foremost, corpus.reference, corpus.words).mean()
        found["diversity"] = topic_diversity(top)
    if corpus.labels is not None:
        z, y = model.codes(corpus), corpus.labels
        scaler = StandardScaler().fit(z[0])
        probe = LogisticRegression(max_iter=2000).fit(scaler.transform(z[0]), y[0])
        found["accuracy"] = probe.score(scaler.transform(z[1]), y[1])
    if corpus.halves is not None:
        shares = model.shares(corpus.halves[0])
        if shares is not None:
            found["perplexity"] = perplexity(shares, corpus.halves[1])
    return [round(float(found[name]), 5) for name in FIGURES]


def perplexity(shares, counts):
    """Exponential of the mean over documents of -log p per word."""
    cells = counts.tocoo()
    cost = -cells.data * np.log(shares[cells.row, cells.col])
    total = np.bincount(cells.row, cost, counts.shape[0])
    words = np.asarray(counts.sum(axis=1)).ravel()
    return np.exp((total[words > 0] / words[words > 0]).mean())


METHODS = {
    "isthmus topics": lambda *a: Ours("topics", *a),
    "isthmus code": lambda *a: Ours("code", *a),
    "LSA": lambda *a: Linear("LSA", *a),
    "NMF": lambda *a: Linear("NMF", *a),
    "NMF (KL)": lambda *a: Linear("NMF (KL)", *a),
    "LDA": lambda *a: Linear("LDA", *a),
    "ProdLDA": ProdLda,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default=os.environ.get("ISTHMUS_DATA", "."))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="bbc,m10,20news")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--quick", action="store_true", help="one pass, one seed")
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--out", default="benchmarks/results/text.csv")
    args = parser.parse_args()
    for category in (IsthmusWarning, ConvergenceWarning):
        warnings.simplefilter("ignore", category)
    torch.set_num_threads(1)
    packages = versions()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, one thread"
    print(machine, packages)
    out = None if args.quick or args.validation else args.out
    rows = recorded(out, packages)
    for seed in range(1 if args.quick else args.seeds):
        for name in args.only.split(","):
            corpus = Corpus(name, args.data, validation=args.validation)
            for method in args.methods.split(","):
                key = name, seed, method
                if key in rows or (method == "ProdLDA" and not packages["topmost"]):
                    continue
                rows[key] = measure(corpus, METHODS[method](seed, args.quick))
                print(*key, dict(zip(FIGURES, rows[key], strict=True)), flush=True)
                if out is not None:
                    append(out, COLUMNS, [machine, str(packages), *key, *rows[key]])
    show(rows)


def recorded(out, packages):
    """Figures by corpus, seed and method, of the versions that are installed."""
    found = {}
    key = ["corpus", "seed", "method", "versions"]
    for (*place, method, then), row in known(out, key, FIGURES).items():
        package = {"isthmus": "isthmus", "ProdLDA": "topmost"}.get(
            method.split()[0], "scikit-learn"
        )
        if ast.literal_eval(then)[package] == packages[package]:
            found[*place, method] = row
    return found


def versions():
    found = {}
    for name in ("isthmus", "torch", "scikit-learn", "topmost"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def show(rows):
    """Mean and standard deviation over the seeds."""
    table = pd.DataFrame(
        [[*key, *figures] for key, figures in rows.items()],
        columns=["corpus", "seed", "method", *FIGURES],
    )
    grouped = table.drop(columns="seed").groupby(["corpus", "method"], sort=False)
    with pd.option_context("display.width", 160, "display.max_columns", 20):
        print(grouped.agg(["mean", "std"]).round(3))


if __name__ == "__main__":
    main()
