"""What a parameter cannot be is refused in a sentence that names it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import isthmus
from isthmus.bounds import real, whole
from isthmus.errors import DataError, RecipeError

SHORT = {"training": isthmus.Training(epochs=1), "verbose": 0}
X = np.random.default_rng(0).normal(size=(80, 4))
Y = (X[:, 0] > 0).astype(int)
LONG = pd.DataFrame({"user": np.repeat(np.arange(20), 4), "item": np.arange(80) % 7})


def test_bounds_take_what_lies_within():
    assert whole("n", np.int64(3)) == 3
    assert whole("n", 0, 0) == 0
    assert real("p", 0.5, most=1.0) == 0.5
    for value in (True, 1.5, "1", None, 0, -1):
        with pytest.raises(RecipeError, match="n must be a whole number of 1 or more"):
            whole("n", value)
    with pytest.raises(RecipeError, match="from 1 to 4"):
        whole("n", 5, 1, 4)
    for value in (1.0, -0.1, float("nan"), float("inf"), "a", True):
        with pytest.raises(RecipeError, match="p must be a number from 0 to below 1"):
            real("p", value, most=1.0, open_=True)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"steps": -1}, "steps must be a whole number of 0"),
        ({"class_weight": {0: -1.0}}, r"class_weight\[0\] must be a number of 0"),
        ({"class_weight": {2: 1.0}}, "no class to weigh"),
        ({"class_weight": {0: 0.0, 1: 0.0}}, "some class a weight above 0"),
        ({"class_weight": "balance"}, "must be 'balanced'"),
    ],
)
def test_classifiers(parameters, said):
    with pytest.raises(RecipeError, match=said):
        isthmus.PretrainedClassifier(**SHORT, **parameters).fit(X, Y)


def test_labels_that_are_true_or_false_stay_so():
    labels = pd.array(np.where(np.arange(80) % 3, Y > 0, None), dtype="boolean")
    model = isthmus.PretrainedClassifier(**SHORT, frozen=True).fit(X, labels)
    assert model.classes_.tolist() == [False, True]
    with pytest.raises(DataError, match="Got one class: -1"):
        isthmus.PretrainedClassifier(**SHORT).fit(X, np.full(80, -1))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ridge": -1}, "ridge must be a number of 0"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to below 1"),
        ({"evenness": 2}, "evenness must be a number from 0 to 1"),
        ({"discount": "a"}, "discount must be a number from -1 to 1"),
        ({"recency": -1}, "recency must be a number of 0"),
        ({"size": 0}, "size must be a whole number of 1"),
    ],
)
def test_recommenders(parameters, said):
    with pytest.raises(RecipeError, match=said):
        isthmus.Recommender("ease", verbose=0, **parameters).fit(LONG)


def test_numbers_of_what_is_asked_for():
    model = isthmus.Recommender("ease", verbose=0, ridge=10).fit(LONG)
    sampler = isthmus.Sampler(**SHORT).fit(X)
    imputer = isthmus.Imputer(folds=2, **SHORT).fit(X)
    drawn = isthmus.variational(epochs=1, verbose=0).fit(X)
    for ask in (
        lambda: model.recommend(LONG, top=-1),
        lambda: sampler.sample(2.5),
        lambda: imputer.sample(X, m=-1),
        lambda: drawn.sample(-1),
        lambda: isthmus.Sampler(components=0, **SHORT).fit(X),
        lambda: isthmus.Imputer(folds=0, **SHORT).fit(X),
        lambda: isthmus.plots.plot_traversal(drawn, X, row=X[:1]),
    ):
        with pytest.raises(RecipeError, match="must be a whole number"):
            ask()


def test_what_cannot_be_compressed_or_cleaned():
    with pytest.raises(DataError, match="compressed table is bytes. Got str"):
        isthmus.decompress("abc")
    with pytest.raises(DataError, match="Two columns are called 'a'"):
        isthmus.compress(pd.DataFrame(X[:, :2], columns=["a", "a"]))
    with pytest.raises(DataError, match="a share of the range.*absolute=True"):
        isthmus.compress(pd.DataFrame(X), error=5)
    with pytest.raises(RecipeError, match="noise must be above 0"):
        isthmus.Denoiser(noise="a", **SHORT).fit(load_digits().images[:50])
