"""The scikit-learn face: every estimator keeps every promise that is checked there."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import parametrize_with_checks

import isthmus
from isthmus import registry
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.corruptions.masking import Masking
from isthmus.errors import DataError, IsthmusWarning, RecipeError
from isthmus.terms.l1 import L1
from isthmus.terms.reconstruction import Reconstruction

QUICK = {"epochs": 3, "verbose": 0}
DEEP = Mlp(hidden=(16, 16), residual=True, norm="batch")


def rows(n=60, columns=5):
    """Rows on a plane, with a little noise."""
    chance = np.random.default_rng(0)
    plane = chance.normal(size=(n, 2)) @ chance.normal(size=(2, columns))
    return plane + 0.1 * chance.normal(size=(n, columns))


def quick(preset, **keywords):
    return registry.preset(preset)(**{**QUICK, **keywords})


def variants():
    """One of each public estimator, and the main choices within."""
    yield isthmus.Autoencoder(**QUICK)
    for likelihood in ("bce", "normal", "huber"):
        yield isthmus.Autoencoder(**QUICK, likelihood=likelihood)
    yield isthmus.Autoencoder(**QUICK, architecture=DEEP)
    for name in registry.names("presets"):
        yield quick(name)
    small = isthmus.Autoencoder(epochs=3)
    for name in registry.names("tasks"):
        task = registry.task(name)
        yield task(autoencoder=small, verbose=0)
    yield isthmus.AnomalyDetector(autoencoder=small, contamination=0.1, verbose=0)


@pytest.mark.filterwarnings("ignore:A code of:isthmus.errors.IsthmusWarning")
@parametrize_with_checks(list(variants()))
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)
