"""Counts, most of them 0, pass through the same door as tables."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

import isthmus
from isthmus.data.sparse import Sparse
from isthmus.data.table import Table
from isthmus.errors import DataError, IsthmusWarning, RecipeError

QUICK = {"size": 3, "epochs": 2, "verbose": 0}


def cells(rows=120, columns=30):
    """Counts of three kinds of rows, of totals that differ."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.full(columns, 0.3), 3)[rng.integers(3, size=rows)]
    return rng.poisson(shares * rng.gamma(3.0, 20.0, (rows, 1)))


X = cells()
FORMS = {
    "csr": sparse.csr_array(X),
    "csr matrix": sparse.csr_matrix(X),
    "csc": sparse.csc_array(X),
    "coo": sparse.coo_array(X),
    "array": X,
    "floats": X.astype(float),
    "list": X.tolist(),
}
KINDS = {"totals": isthmus.Counts(), "rates": isthmus.Counts(totals=False)}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def fitted():
    return {
        name: isthmus.Autoencoder(kind=kind, **QUICK).fit(FORMS["csr"])
        for name, kind in KINDS.items()
    }


# ----------------------------------------------------------------- what all forms keep


@pytest.mark.parametrize("form", FORMS)
def test_equal_counts_have_equal_answers(form, fitted):
    model = isthmus.Autoencoder(kind="counts", **QUICK).fit(FORMS[form])
    scores = fitted["totals"].score_samples(X)
    assert np.array_equal(model.score_samples(FORMS[form]), scores)
    assert np.array_equal(model.reconstruct(X), fitted["totals"].reconstruct(X))


@each_kind
def test_a_saved_model_answers_the_same(kind, fitted, tmp_path):
    model = fitted[kind]
    isthmus.save(model, tmp_path / "m.isthmus")
    loaded = isthmus.load(tmp_path / "m.isthmus")
    assert loaded.kind == ("counts" if kind == "totals" else model.kind)
    assert loaded.recipe_ == model.recipe_
    for ask in ("score_samples", "transform", "reconstruct"):
        assert np.array_equal(getattr(loaded, ask)(X), getattr(model, ask)(X))


@each_kind
def test_the_score_of_a_row_depends_on_it_alone(kind, fitted):
    model, scores = fitted[kind], fitted[kind].score_samples(X)
    order = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(model.score_samples(FORMS["csr"][order]), scores[order])
    assert np.array_equal(model.score_samples(FORMS["csr"][3:5]), scores[3:5])


@each_kind
def test_contributions_add_up_to_scores(kind, fitted):
    told = fitted[kind].explain(FORMS["csr"])
    sums = told.contributions.sum(axis=1) + told.rest
    np.testing.assert_allclose(sums, fitted[kind].score_samples(X))
    assert np.array_equal(told.actual, X)
    np.testing.assert_allclose(told.expected, fitted[kind].reconstruct(X), rtol=1e-6)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_a_frame_comes_back_as_a_frame(library, fitted):
    frame = library({f"gene {j}": X[:, j] for j in range(X.shape[1])})
    model = isthmus.Autoencoder(kind="counts", **QUICK).fit(frame)
    assert list(model.feature_names_in_[:2]) == ["gene 0", "gene 1"]
    assert {found.kind for found in model.columns_} == {"count"}
    rebuilt = model.reconstruct(frame)
    assert type(rebuilt) is library
    assert list(rebuilt.columns) == list(frame.columns)
    expected = fitted["totals"].reconstruct(X)  # fractions, though counts went in
    assert np.array_equal(rebuilt.to_numpy(), expected)
    assert type(model.explain(frame).contributions) is library
    names = list(frame.columns)[::-1]  # columns are found by name
    assert np.array_equal(model.transform(frame[names]), model.transform(frame))


def test_partial_fit_takes_counts():
    model = isthmus.Autoencoder(kind="counts", **QUICK)
    for part in (FORMS["csr"][:60], FORMS["csr"][60:]):
        model.partial_fit(part)
    assert np.isfinite(model.score_samples(X)).all()


@pytest.mark.parametrize("likelihood", ["poisson", "multinomial", "negative_binomial"])
@pytest.mark.parametrize("preset", ["variational", "masked", "linear", "sparse_l1"])
def test_every_kind_of_autoencoder_takes_counts(preset, likelihood):
    made = getattr(isthmus, preset)(kind="counts", likelihood=likelihood, **QUICK)
    assert np.isfinite(made.fit(FORMS["csr"]).score_samples(X)).all()
    rebuilt = made.reconstruct(X)
    np.testing.assert_allclose(rebuilt.sum(1), X.sum(1), rtol=1e-4)


# --------------------------------------------------------------------------- totals


def test_shares_are_explained_and_totals_are_given(fitted):
    model = fitted["totals"]
    totals = X.sum(axis=1)
    assert model.recipe_.likelihood.typical == np.median(totals)
    np.testing.assert_allclose(model.reconstruct(X).sum(1), totals, rtol=1e-4)
    assert np.array_equal(model.transform(4 * X), model.transform(X))
    new = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(new.sum(1), np.median(totals), rtol=1e-4)
    rates = fitted["rates"]
    assert rates.recipe_.likelihood.typical is None
    assert not np.allclose(rates.transform(4 * X), rates.transform(X))


def test_new_rows_have_the_typical_total():
    for likelihood in ("poisson", "multinomial", "negative_binomial"):
        model = isthmus.variational(kind="counts", likelihood=likelihood, **QUICK)
        drawn = model.fit(FORMS["csr"]).sample(200)
        assert drawn.shape == (200, X.shape[1])
        total = model.recipe_.likelihood.typical
        assert drawn.sum(1).mean() == pytest.approx(total, rel=0.2)


def test_a_row_without_counts_is_warned_of_and_scored():
    some = X.copy()
    some[7] = 0
    with pytest.warns(IsthmusWarning, match="1 of 120 rows hold no count"):
        model = isthmus.Autoencoder(kind="counts", **QUICK).fit(some)
    assert model.score_samples(some)[7] == pytest.approx(0, abs=1e-4)
    assert (model.reconstruct(some)[7] == 0).all()


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-1.0, r"Row 5, column 'x2' holds -1, and 1 cells in all are no counts"),
        (0.5, r"column 'x2' holds 0\.5.*logarithms or shares"),
        (np.nan, r"column 'x2' holds nan.*Mend it"),
        (np.inf, r"column 'x2' holds inf"),
        (2.0**30, r"whole numbers from 0 to 16,777,216"),
    ],
)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_what_is_no_count_is_refused(value, said, form, fitted):
    some = X.astype(float)
    some[5, 2] = value
    with pytest.raises(DataError, match=said):
        isthmus.Autoencoder(kind="counts", **QUICK).fit(form(some))
    with pytest.raises(DataError, match=said):
        fitted["totals"].transform(form(some))


def test_other_data_is_refused(fitted):
    with pytest.raises(DataError, match="30 features"):
        fitted["totals"].transform(FORMS["csr"][:, :4])
    with pytest.raises(DataError, match="All counts are 0"):
        isthmus.Autoencoder(kind="counts", **QUICK).fit(0 * X)
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    with pytest.raises(DataError, match="column 'b' holds text"):
        isthmus.Autoencoder(kind="counts", **QUICK).fit(frame)
    with pytest.raises(RecipeError, match="the data holds 'count' entries"):
        isthmus.Autoencoder(kind="counts", likelihood="bce", **QUICK).fit(X)


def test_an_answer_that_is_too_large_is_refused():
    wide = Sparse.of(sparse.csr_matrix((5000, 100_000)))
    with pytest.raises(DataError, match=r"takes 1\.9 GiB. Ask for fewer rows"):
        wide.refuse_whole()


@pytest.mark.parametrize("task", ["Denoiser", "Sampler", "Imputer"])
def test_tasks_that_know_no_counts_say_so(task):
    with pytest.raises(DataError, match=r"Got counts.*kind='table'"):
        getattr(isthmus, task)(verbose=0).fit(FORMS["csr"])


def test_odd_rows_are_found_and_explained():
    odd = X.copy()
    odd[7] = np.random.default_rng(1).permutation(odd[7])
    detector = isthmus.AnomalyDetector(kind="counts", effort="fast", verbose=0)
    scores = detector.fit(FORMS["csr"]).score_samples(odd)
    assert scores.argmin() == 7
    told = detector.explain(odd)
    np.testing.assert_allclose(told.contributions.sum(axis=1) + told.rest, scores)
    assert detector.check_drift(X).threshold_holds
    with pytest.raises(DataError, match="Replicas judge rows of tables"):
        isthmus.AnomalyDetector(folds=2, effort="fast", verbose=0).fit(FORMS["csr"])


# --------------------------------------------------------------------- sparse examples


def test_sparse_rows_are_those_of_the_matrix():
    matrix = FORMS["csr"].astype(np.float32)
    rows, dense = Sparse.of(matrix), torch.from_numpy(X).float()
    assert len(rows) == len(X)
    assert torch.equal(rows.dense().x, dense)
    assert torch.equal(rows.slice(3, 9).x, dense[3:9])
    picked = torch.tensor([5, 5, 0, 119])
    assert torch.equal(rows.rows(picked).dense().x, dense[picked])
    few = picked % 40
    assert torch.equal(rows.part(4, 50).rows(few).dense().x, dense[4:][few])
    both = [batch.x for batch in rows.split([100, 20])]
    assert torch.equal(torch.cat(both), dense)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(3))
    seen = rows.shuffled(torch.Generator().manual_seed(3), [50, 70])
    assert torch.equal(torch.cat([batch.x for batch in seen]), dense[order])
    assert rows.rows(torch.tensor([], dtype=torch.long)).dense().x.shape == (0, 30)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.coo_array, sparse.lil_array])
def test_a_sparse_matrix_of_whole_numbers_holds_counts(form, fitted):
    model = isthmus.Autoencoder(**QUICK).fit(form(X.astype(np.float32)))
    assert np.array_equal(model.score_samples(X), fitted["totals"].score_samples(X))
    for other in (X > 0, X / 3, -X):  # one-hot, fractions, differences
        model = isthmus.Autoencoder(**QUICK).fit(form(other.astype(float)))
        assert isinstance(model._converter, Table)
