"""Small data of every kind, and models that learn it fast."""

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy import sparse
from sklearn.datasets import load_digits

import isthmus

QUICK = {"size": 4, "epochs": 2, "verbose": 0}
DIGITS = (load_digits().images[:200] * 15.9).astype(np.uint8)


def colours(n=24, height=20, width=24):
    rng = np.random.default_rng(0)
    return rng.random((n, height, width, 3)).astype(np.float32)


def greys(n=40, side=64):
    """Two blocks and a part of one."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(x * (3 + k % 7) + y * (2 + k % 5)) for k in range(n)]
    return np.stack(waves).astype(np.float32)


def sines(rows=600, columns=2):
    rng = np.random.default_rng(0)
    t = np.arange(rows)[:, None] / np.array([6.0, 11.0, 17.0])[:columns]
    return np.sin(t) + 0.1 * rng.normal(size=t.shape)


def sensors(rows=600):
    frame = pd.DataFrame(sines(rows), columns=["heat", "load"])
    frame.insert(0, "when", pd.date_range("2024-01-01", periods=rows, freq="5min"))
    frame["mode"] = np.where(np.arange(rows) % 90 < 45, "day", "night")
    return frame


WORDS = ["goal", "team", "win", "bank", "price", "rate"]


def reviews(rows=80):
    """Texts of one of two subjects."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[3 * (k % 2) :][:3], 8)) for k in range(rows)]
    return pd.DataFrame({"review": texts})


def counts(rows=80, columns=7):
    rng = np.random.default_rng(0)
    return rng.poisson(rng.gamma(1.0, 2.0, (1, columns)), (rows, columns))


def tones(recordings=8):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1600, 3000, recordings)
    return [
        np.sin(np.arange(n) / rng.uniform(2, 9)).astype(np.float32) for n in lengths
    ]


TIMED = isthmus.Series(time="when", window=32)
PATCHES = isthmus.Images(patch=16)
CASES = {
    "digits": (DIGITS, None),
    "colours": (colours(), None),
    "greys": (greys(), None),
    "grey patches": (greys(12, 70), PATCHES),
    "patches": (colours(), PATCHES),
    "several sizes": ([colours(1, 18 + k, 20)[0] for k in range(12)], PATCHES),
    "an array": (sines(), "series"),
    "a panel": (sines().reshape(20, 30, 2), "series"),
    "sensors": (sensors(), TIMED),
    "tensors": (torch.from_numpy(DIGITS), None),
    "pictures": ([Image.fromarray(x) for x in DIGITS[:40]], None),
    "a list of series": ([sines()[:, 0], sines()[:, 1]], "series"),
    "one series of a list": ([sines()[:, 0]], "series"),
    "series of several lengths": ([sines()[:, 0], sines()[:400, 1]], "series"),
    "texts": (reviews(), isthmus.Text(max_df=1.0)),
    "counts": (pd.DataFrame(counts(), columns=list("abcdefg")), "counts"),
    "sparse counts": (sparse.csr_array(counts()), "counts"),
    "sound": (tones(), isthmus.Audio(rate=8000)),
}


def numbers(X):
    """All numbers of an answer in one row."""
    if isinstance(X, pd.DataFrame):
        return X.select_dtypes("number").to_numpy().ravel()
    return np.concatenate([np.ravel(part) for part in X]).astype(float)
