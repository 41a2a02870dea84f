"""A few labels go further with features that were learned of all rows."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

import isthmus
from isthmus.errors import DataError
from isthmus.pretraining.labels import classes_of, numbers_of

SHORT = isthmus.Training(epochs=15, batch_size=64)
X, Y = load_digits(return_X_y=True)
FEW = np.where(np.arange(len(Y)) % 12 == 0, Y, -1)
QUICK = {"training": SHORT, "verbose": 0, "steps": 20}


@pytest.fixture(scope="module")
def fitted():
    return isthmus.PretrainedClassifier(**QUICK).fit(X, FEW)


def test_digits_are_told_apart(fitted):
    assert (fitted.predict(X) == Y).mean() > 0.85
    p = fitted.predict_proba(X)
    assert np.allclose(p.sum(axis=1), 1)
    assert np.array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(X))


def test_a_saved_model_is_the_same(fitted, tmp_path):
    isthmus.save(fitted, tmp_path / "c.isthmus")
    loaded = isthmus.load(tmp_path / "c.isthmus")
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert clone(loaded).get_params()["steps"] == 20


def test_the_encoder_is_a_plain_module(fitted):
    x = torch.from_numpy(fitted.autoencoder_.standardize(X[:5]))
    assert isinstance(fitted.encoder_, torch.nn.Module)
    assert len(fitted.encoder_(x)) == 5


def test_a_fitted_autoencoder_is_taken_as_it_is(fitted):
    given = fitted.autoencoder_
    again = isthmus.PretrainedClassifier(autoencoder=given, frozen=True, verbose=0)
    assert clone(again).autoencoder is given
    assert again.fit(X, FEW).autoencoder_ is given


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, -1, 1],
        [0, 1, None, 1],
        [0.0, 1.0, np.nan, 1.0],
        ["a", "b", None, "b"],
        ["a", "b", "", "b"],
        pd.Series(["a", "b", pd.NA, "b"]),
        pd.Series([0, 1, None, 1], dtype="Int64"),
    ],
    ids=str,
)
def test_labels_may_be_missing_in_many_ways(y):
    labels = classes_of(np.zeros((4, 1)), y)
    assert labels.rows.tolist() == [0, 1, 3]
    assert labels[1].tolist() == [0, 1, 1]
    assert labels.classes.dtype.kind in "iUO"


def test_minus_one_beside_one_class_is_a_class():
    assert classes_of(np.zeros((3, 1)), [-1, 1, -1]).classes.tolist() == [-1, 1]


def test_minus_one_is_a_number_like_others():
    assert numbers_of(np.zeros((3, 1)), [-1, None, 2])[1].tolist() == [-1, 2]


@pytest.mark.parametrize("y", [[None] * 3, [1, -1, None], ["a", None, "a"]])
def test_two_classes_are_needed(y):
    with pytest.raises(DataError, match="class"):
        classes_of(np.zeros((3, 1)), y if y[0] != 1 else [1, 1, None])
