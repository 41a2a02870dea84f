"""A few labels go further with features that were learned of all rows."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits

import isthmus
from isthmus.errors import DataError, IsthmusWarning
from isthmus.pretraining.columns import fitting
from isthmus.pretraining.features import Features
from isthmus.pretraining.graph import Neighbors
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


def test_an_answer_depends_on_its_row_alone():
    two = np.where(FEW < 0, -1, FEW > 4)
    model = isthmus.PretrainedClassifier(spread=False, **QUICK).fit(X, two)
    p = model.predict_proba(X)
    for n in (1, 2, 7, 33, 100):
        assert np.array_equal(model.predict_proba(X[5 : 5 + n]), p[5 : 5 + n])


def test_labels_that_were_left_out_are_told():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    one = isthmus.PretrainedClassifier(frozen=True, spread=False, **QUICK)
    assert one.fit(x, x[:, 0] > 0).left_out_score_ > 0.8
    assert one.fit(x, rng.integers(0, 2, 60)).left_out_score_ < 0.75
    two = isthmus.PretrainedRegressor(frozen=True, **QUICK).fit(x, 5 * x[:, 1] + 2)
    assert two.left_out_score_ > 0.8


def test_a_saved_model_is_the_same(fitted, tmp_path):
    isthmus.save(fitted, tmp_path / "c.isthmus")
    loaded = isthmus.load(tmp_path / "c.isthmus")
    assert loaded.left_out_score_ == fitted.left_out_score_
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


# --------------------------------------------------------------------------- columns


def people(n=200):
    rng = np.random.default_rng(0)
    age = rng.normal(40, 10, n)
    return pd.DataFrame(
        {
            "age": age,
            "pay": 100 * age + rng.normal(0, 50, n),
            "job": np.where(age > 40, "cook", "nurse"),
            "town": rng.choice(["a", "b", "c"], n),
        }
    )


@pytest.fixture(scope="module")
def taught():
    return isthmus.Autoencoder(size=2, epochs=3, verbose=0).fit(people())


def given_to_head(model, table):
    """What the encoder makes of rows, but for the rows themselves."""
    made = Features(model.module_)
    batch = model._read(table)[1]
    return made(batch.x, batch.visible)[:, -194:].detach()


def test_new_columns_leave_features_as_they_were(taught):
    table = people().assign(height=np.linspace(1, 2, 200), shoe=["x", "y"] * 100)[
        ["shoe", "town", "height", "pay", "job", "age"]
    ]
    with pytest.warns(IsthmusWarning, match="new, and starts fresh: 'shoe', 'height'"):
        made = fitting(taught, table)
    before, after = given_to_head(taught, people()), given_to_head(made, table)
    assert torch.allclose(before, after, atol=1e-5)


def test_columns_that_are_gone_are_as_if_unknown(taught):
    with pytest.warns(IsthmusWarning, match="gone: 'town'"):
        made = fitting(taught, people().drop(columns="town"))
    unknown = people()
    batch = taught._read(unknown)[1]
    town = taught._converter.places["town"]
    batch.x[:, town] = 0  # no level: the encoder sees zeros
    features = Features(taught.module_)
    before = features(batch.x)[:, -194:].detach()
    after = given_to_head(made, people().drop(columns="town"))
    assert torch.allclose(before, after, atol=1e-5)


def test_the_same_columns_are_no_change(taught):
    assert fitting(taught, people()[["town", "job", "pay", "age"]]) is taught


def test_labels_are_learned_of_columns_that_changed(taught):
    table = people().assign(height=np.linspace(1, 2, 200)).drop(columns="pay")
    made = isthmus.PretrainedClassifier(autoencoder=taught, frozen=True, verbose=0)
    with pytest.warns(IsthmusWarning, match="keep their weights"):
        made.fit(table, np.where(table["height"] < 1.3, table["job"], None))
    assert (made.predict(table) == table["job"]).mean() > 0.9


# ------------------------------------------------------------------------ neighbours


def test_spreading_solves_the_equations_of_poisson():
    codes = np.random.default_rng(0).normal(size=(40, 2))
    graph = Neighbors(codes, 5)
    rows, values = np.array([0, 1, 2]), np.array([0, 1, 1])
    found = graph.poisson(rows, values, 2)
    w = graph.weights.toarray()
    assert np.array_equal(w, w.T)
    sources = np.zeros((40, 2))
    sources[0] = [1, 0]
    sources[1] = sources[2] = [0, 0.5]
    sources[:3] -= sources[:3].mean(axis=0)
    d = w.sum(axis=0)
    u = np.linalg.pinv(np.diag(d) - w) @ sources
    u -= d @ u / d.sum()
    assert np.allclose(found, u, atol=1e-3 * np.abs(u).max())


def test_classes_flow_along_the_graph_until_nothing_changes():
    codes = np.random.default_rng(1).normal(size=(60, 2))
    graph, rows, values = Neighbors(codes, 5), np.array([0, 1]), np.array([0, 1])
    found = graph.spread(rows, values, 2)
    w = graph.weights.toarray()
    step, d = 1 / w.sum(axis=0).max(), w.sum(axis=0)
    u = np.eye(2)[found.argmax(axis=1)]  # the classes that it came to stay with
    sources = np.zeros((60, 2))
    sources[:2] = [[0.5, -0.5], [-0.5, 0.5]]
    for _ in range(40):
        u = u - step * ((np.diag(d) - w) @ u - sources)
    ratio = found / u
    assert np.allclose(ratio, ratio[0], rtol=1e-3)  # but for a factor of each class
    assert abs(np.bincount(found.argmax(axis=1), minlength=2) - 30).max() <= 1


def test_two_clusters_need_two_labels():
    rng = np.random.default_rng(0)
    truth = np.arange(100) % 2
    table = rng.normal(size=(100, 4)) + 6 * truth[:, None]
    labels = np.full(100, -1)
    labels[:2] = truth[:2]
    made = isthmus.PretrainedClassifier(spread=True, frozen=True, training=SHORT)
    found = made.set_params(verbose=0).fit(table, labels).predict(table)
    assert (found == truth).mean() >= 0.98
    assert made.spread_
    assert made.left_out_score_ is None


# ----------------------------------------------------------------- images and series


def test_images_and_series_have_labels_too():
    short = {"training": isthmus.Training(epochs=2), "verbose": 0, "frozen": True}
    images = load_digits().images[:300].astype(np.float32)
    made = isthmus.PretrainedClassifier(**short).fit(images, FEW[:300])
    assert (made.predict(images) == Y[:300]).mean() > 0.5
    steps = np.arange(24) / 3
    waves = np.sin(steps * np.array([1, 2])[np.arange(60) % 2][:, None])[..., None]
    waves = waves + 0.1 * np.random.default_rng(0).normal(size=waves.shape)
    truth = np.where(np.arange(60) % 2, "fast", "slow")
    some = np.where(np.arange(60) < 12, truth, "")
    made = isthmus.PretrainedClassifier(kind="series", **short).fit(waves, some)
    assert (made.predict(waves) == truth).mean() > 0.9
