"""Small tables, and models that learn them fast."""

import functools

import numpy as np

from isthmus import registry

PRESETS = [n for n in registry.names("presets") if n != "topics"]
"""That one is for counts and texts alone: tests/test_text.py."""
HARDY = ["undercomplete", "variational", "vector_quantized", "contractive", "masked"]
"""Some of them, for what takes long."""
SMALL = {"size": 3, "hidden": (8,), "epochs": 2, "verbose": 0}


def rows(n=60, columns=6, missing=0.0, seed=0):
    """Rows near a plane, some of their cells missing."""
    chance = np.random.default_rng(seed)
    plane = chance.normal(size=(n, 2)) @ chance.normal(size=(2, columns))
    table = plane + 0.1 * chance.normal(size=(n, columns))
    table[chance.random((n, columns)) < missing] = np.nan
    return table


def quick(name, **keywords):
    own = {"k": 2} if name == "k_sparse" else {}
    return registry.preset(name)(**{**SMALL, **own, **keywords})


@functools.cache
def fitted(name, *, missing=0.0):
    return quick(name).fit(rows(missing=missing))


def answers(estimator, X):
    """All that is said of each row."""
    return (
        estimator.score_samples(X),
        estimator.transform(X),
        estimator.reconstruct(X),
        estimator.explain(X).contributions,
    )


def base():
    return np.random.default_rng(0).normal(size=(200, 6))


def with_column(value):
    return np.column_stack([base()[:, :5], value])


def with_cell(value):
    table = base()
    table[17, 2] = value
    return table
