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
from small import PRESETS

import isthmus
from isthmus import registry
from isthmus.architectures.mlp import Mlp
from isthmus.bottlenecks.gaussian import Gaussian
from isthmus.corruptions.masking import Masking
from isthmus.detection.efforts import PLANS
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
    for name in PRESETS:
        yield quick(name)
    small = isthmus.Autoencoder(epochs=3)
    for name in registry.names("tasks"):
        task = registry.task(name)
        short = {"steps": 2} if name.startswith("pretrained") else {}
        yield task(autoencoder=small, verbose=0, **short)
    yield isthmus.AnomalyDetector(autoencoder=small, contamination=0.1, verbose=0)
    masked = PLANS["fast"].autoencoder().set_params(epochs=3)
    yield isthmus.AnomalyDetector(
        effort="fast", autoencoder=masked, folds=2, scores={"hidden": 1}, verbose=0
    )


@pytest.mark.filterwarnings("ignore:A code of:isthmus.errors.IsthmusWarning")
@parametrize_with_checks(list(variants()))
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)


# ----------------------------------------------------------------- parameters by name


def test_a_search_reaches_into_the_parts():
    grid = {"bottleneck__size": [1, 2], "terms__rate__weight": [0.5, 4.0]}
    search = GridSearchCV(quick("variational"), grid, cv=2, refit=True).fit(rows())
    best = search.best_estimator_
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    assert best.transform(rows()).shape == (60, search.best_params_["bottleneck__size"])
    assert (
        best.recipe_.costs()["rate"].weight
        == (search.best_params_["terms__rate__weight"])
    )


@pytest.mark.parametrize("name", registry.names("presets"))
def test_parameters_survive_the_way_through_get_and_set(name):
    estimator = quick(name, training=isthmus.Training(patience=3))
    params = estimator.get_params()
    assert {"bottleneck__size", "training__patience", "epochs"} <= params.keys()
    assert isthmus.Autoencoder().set_params(**params).get_params() == params


def test_every_long_name_can_be_set_alone():
    for name, value in quick("variational").get_params().items():
        estimator = quick("variational").set_params(**{name: value})
        assert estimator.get_params() == quick("variational").get_params()


def test_a_long_name_changes_a_copy_of_the_part():
    part = Gaussian(draws=2)
    estimator = isthmus.Autoencoder(bottleneck=part).set_params(bottleneck__draws=3)
    assert (part.draws, estimator.bottleneck.draws) == (2, 3)


def test_a_long_name_applies_to_the_part_that_is_set_beside_it():
    estimator = isthmus.Autoencoder()
    estimator.set_params(bottleneck__draws=3, bottleneck=Gaussian(size=2))
    assert estimator.bottleneck == Gaussian(size=2, draws=3)


def test_two_terms_of_a_kind_have_two_names():
    terms = (Reconstruction(), L1(weight=1), L1(weight=2))
    estimator = isthmus.Autoencoder(terms=terms).set_params(terms__l1_2__weight=3)
    assert [term.weight for term in estimator.terms] == [1, 1, 3]


def test_what_a_training_leaves_open_the_estimator_says():
    estimator = isthmus.Autoencoder(epochs=5, batch_size=9, verbose=0)
    estimator.set_params(training__patience=7).set_params(epochs=2, batch_size=30)
    assert len(estimator.fit(rows()).history_) == 2


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("epoch", "epochs"),
        ("bottelneck__size", "bottleneck"),
        ("bottleneck__sise", "size"),
        ("terms__rat__weight", "rate"),
        ("terms__rate__wieght", "weight"),
        ("training__pacience", "patience"),
    ],
)
def test_a_misspelt_name_meets_the_nearest_one(wrong, meant):
    with pytest.raises(RecipeError, match=f"Did you mean '{meant}'"):
        quick("variational").set_params(**{wrong: 1})


@pytest.mark.parametrize("name", PRESETS)
def test_a_clone_learns_the_same(name):
    one = quick(name, size=4 if name != "k_sparse" else 8)
    two = clone(one)
    assert two is not one
    assert two.get_params() == one.get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsthmusWarning)
        scores = one.fit(rows()).score_samples(rows())
        np.testing.assert_array_equal(two.fit(rows()).score_samples(rows()), scores)


# -------------------------------------------------------------------------- company


def test_it_works_behind_a_scaler():
    pipe = make_pipeline(StandardScaler(), quick("variational", size=2)).fit(rows())
    own = quick("variational", size=2).fit(StandardScaler().fit_transform(rows()))
    scaled = pipe[0].transform(rows())
    np.testing.assert_array_equal(pipe.transform(rows()), own.transform(scaled))
    np.testing.assert_array_equal(pipe.score_samples(rows()), own.score_samples(scaled))


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd), ("polars", pl)])
def test_codes_come_in_the_frame_that_was_asked_for(library, frame):
    estimator = quick("linear", size=2).set_output(transform=library).fit(rows())
    codes = estimator.transform(rows())
    assert isinstance(codes, frame.DataFrame)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    estimator.set_output(transform="default")
    np.testing.assert_array_equal(codes.to_numpy(), estimator.transform(rows()))


def test_code_entries_have_names():
    names = quick("linear", size=3).fit(rows()).get_feature_names_out()
    assert names.tolist() == ["autoencoder0", "autoencoder1", "autoencoder2"]


@pytest.mark.parametrize("name", PRESETS)
def test_pickle_keeps_every_bit(name):
    size = 8 if name == "k_sparse" else 4
    fitted = quick(name, size=size).fit(rows())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.score_samples(rows()), fitted.score_samples(rows())
    )
    again.fit(rows())
    np.testing.assert_array_equal(
        again.score_samples(rows()), fitted.score_samples(rows())
    )


# ------------------------------------------------------------------------ in pieces


def test_pieces_teach():
    estimator, data = quick("undercomplete", size=2, learning_rate=3e-3), rows(400)
    for _ in range(10):
        for piece in np.split(data, 4):
            estimator.partial_fit(piece)
    assert len(estimator.history_) == 40
    assert estimator.history_[-1]["mse"] < 0.2 * estimator.history_[0]["mse"]
    whole = quick("undercomplete", size=2, epochs=10, learning_rate=3e-3).fit(data)
    assert estimator.score(data) > 1.5 * whole.score(data)


def test_the_first_piece_settles_the_columns():
    frame = pd.DataFrame(rows(), columns=list("abcde"))
    estimator = quick("linear", size=2).partial_fit(frame)
    learned = estimator._converter.to_dict()
    estimator.partial_fit(10 * frame[list("edcba")])
    assert estimator._converter.to_dict() == learned
    with pytest.raises(DataError, match="missing: 'a'"):
        estimator.partial_fit(frame[list("bcde")])


def test_pieces_repeat_themselves():
    def scores():
        estimator = quick("variational", size=2)
        for piece in np.split(rows(), 3):
            estimator.partial_fit(piece)
        return estimator.score_samples(rows())

    np.testing.assert_array_equal(scores(), scores())


# ------------------------------------------------------------------- what is shown


def test_a_notebook_shows_recipe_and_curve():
    estimator = quick("variational", size=2)
    assert "polyline" not in estimator_html_repr(estimator)
    page = estimator.fit(rows())._repr_html_()
    for shown in ("Gaussian(size=2", "5 columns &rarr; 2 &rarr; 5", "reconstruction"):
        assert shown in page
    assert page.count("<polyline") == 2  # training and validation


def test_a_code_that_may_copy_is_told_in_one_sentence():
    with pytest.warns(IsthmusWarning) as told:
        quick("overcomplete").fit(rows())
    (warning,) = told
    assert "may learn the identity" in str(warning.message)
    assert str(warning.message).count(".") == 1


@pytest.mark.parametrize(
    "keywords",
    [
        {"corruption": Masking()},
        {"terms": (Reconstruction(), L1())},
        {"architecture": Mlp(dropout=0.1)},
        {"size": 3},
    ],
    ids=str,
)
def test_a_code_that_cannot_copy_is_not_warned_of(keywords):
    fitted = quick("overcomplete", **keywords).fit(rows())  # warnings are errors here
    assert fitted.score(rows()) < 0


def test_parts_may_be_given_by_name(tmp_path):
    X = np.random.default_rng(0).normal(size=(40, 5))
    names = {"bottleneck": "gaussian", "corruption": "masking", "architecture": "mlp"}
    ae = isthmus.Autoencoder(**names, epochs=1, verbose=0).fit(X)
    assert ae.recipe_.bottleneck.kind() == "gaussian"
    isthmus.save(ae, tmp_path / "m.isthmus")
    loaded = isthmus.load(tmp_path / "m.isthmus")
    np.testing.assert_array_equal(loaded.transform(X), ae.transform(X))
    assert loaded.get_params()["architecture"] == "mlp"
