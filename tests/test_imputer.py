"""An imputer fills what is missing, and leaves the rest as it came."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.datasets import load_digits
from sklearn.impute import SimpleImputer

import isthmus
from isthmus.errors import DataError, IsthmusWarning, RecipeError
from isthmus.imputation.donors import Donors
from isthmus.imputation.held_out import Guessed, _turns
from isthmus.imputation.linear import FactorAnalysis
from isthmus.imputation.pair import shares
from isthmus.layout import Field, Layout
from isthmus.likelihoods.by_column import ByColumn
from isthmus.plots import draw_filled
from isthmus.trace import Batch

SHORT = isthmus.Training(epochs=8, batch_size=64)


def imputer(**keywords):
    return isthmus.Imputer(**{"training": SHORT, "folds": 2, "verbose": 0} | keywords)


def mixed(rows=300):
    """Columns of every kind that follow from each other, and the same with gaps."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=rows)
    kinds = np.where(size > 0.5, "L", np.where(size < -0.5, "S", "M"))
    days = pd.to_timedelta(np.rint(100 + 30 * size), "D")
    whole = pd.DataFrame(
        {
            "length": 10 + 2 * size,
            "count": pd.array(np.clip(np.rint(3 + size), 0, None), "Int64"),
            "big": pd.array(size > 0, "boolean"),
            "kind": pd.Categorical(kinds),
            "word": pd.Series(np.where(size > 0, "True", "False"), dtype=object),
            "when": pd.Timestamp("2024-01-01") + days,
        }
    )
    return whole, whole.mask(rng.random(whole.shape) < 0.2)


@pytest.fixture(scope="module")
def fitted():
    whole, given = mixed()
    return imputer().fit(given), whole, given


def test_gaps_are_filled_and_the_rest_is_as_it_came(fitted):
    made, whole, given = fitted
    filled = made.transform(given)
    assert not filled.isna().any().any()
    assert (filled.dtypes == given.dtypes).all()
    for name in given:
        there = given[name].notna()
        assert filled[name][there].equals(given[name][there])
    gone = given["length"].isna()
    error = (filled["length"] - whole["length"])[gone].std()
    assert error < 0.6 * whole["length"].std()
    gone = given["kind"].isna()
    assert (filled["kind"] == whole["kind"])[gone].mean() > 0.7
    assert set(filled["word"]) == {"True", "False"}  # as they were spelled


def test_every_container_comes_back(fitted):
    made, _, given = fitted
    frame = made.transform(given)
    for other in (pl.from_pandas(given), pa.Table.from_pandas(given)):
        filled = made.transform(other)
        schema = getattr(filled, "schema", None)
        assert schema == other.schema
        as_pandas = filled.to_pandas()
        assert np.allclose(as_pandas["length"], frame["length"])
        assert list(as_pandas["kind"]) == list(frame["kind"])


def test_arrays_keep_their_type_and_their_bits():
    X = load_digits().data[:150, 2:6].astype(np.float32)
    X[::4, 1] = np.nan
    made = imputer().fit(X)
    filled = made.transform(X)
    assert filled.dtype == np.float32
    assert np.array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    assert not np.isnan(filled).any()
    assert np.array_equal(made.transform(torch.from_numpy(X)).numpy(), filled)
    assert isinstance(made.transform(csr_matrix(np.nan_to_num(X))), csr_matrix)
    assert np.isnan(X).any()  # what was given is left alone


def test_a_row_is_filled_alike_in_any_company(fitted):
    made, _, given = fitted
    some = given.sample(frac=0.3, random_state=1)
    pd.testing.assert_frame_equal(
        made.transform(some), made.transform(given).loc[some.index]
    )


def test_draws_differ_and_hold_values_that_were_seen(fitted):
    made, _, given = fitted
    first, second = made.sample(given, 2)
    pd.testing.assert_frame_equal(second, made.sample(given, 2)[1])
    assert not first.equals(second)
    assert not first.isna().any().any()
    assert set(first["count"]) <= set(given["count"].dropna())
    assert (first.dtypes == given.dtypes).all()
    other = made.sample(given, 1, random_state=7)[0]
    assert not other.equals(first)


def test_a_saved_imputer_gives_the_same_bits(fitted, tmp_path):
    made, _, given = fitted
    isthmus.save(made, tmp_path / "i.isthmus")
    loaded = isthmus.load(tmp_path / "i.isthmus")
    pd.testing.assert_frame_equal(loaded.transform(given), made.transform(given))
    pd.testing.assert_frame_equal(loaded.sample(given, 2)[1], made.sample(given, 2)[1])
    assert loaded.folds == made.folds
    assert loaded.autoencoder is None
    assert loaded.gaps_ == made.gaps_


def test_indicators_are_those_of_scikit_learn():
    X = np.random.default_rng(0).normal(size=(60, 4))
    X[:20, 1] = X[10:30, 3] = np.nan
    made = imputer(add_indicator=True).fit(X)
    other = SimpleImputer(add_indicator=True).fit(X)
    assert np.array_equal(made.transform(X)[:, 4:], other.transform(X)[:, 4:])
    names = made.get_feature_names_out()
    assert list(names) == list(other.get_feature_names_out())
    frame = pd.DataFrame(X, columns=list("abcd"))
    made.fit(frame)
    assert list(made.transform(frame).columns) == list(made.get_feature_names_out())


def test_what_cannot_be_known_is_left(fitted):
    _, _, given = fitted
    name = pd.Series([f"k{i}" for i in range(len(given))])
    odd = given.assign(empty=np.nan, one=1.0, name=name.mask(name.index < 9))
    odd.loc[:5, "one"] = np.nan
    model = imputer(keep_empty_features=True)
    with pytest.warns(IsthmusWarning, match="Set aside: 'name'"):
        filled = model.fit(odd).transform(odd)
    assert (filled["empty"] == 0).all()
    assert (filled["one"] == 1).all()
    assert filled["name"].isna().sum() == 9


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_columns_without_a_cell_are_those_of_scikit_learn(form, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 4))
    X[:20, 1] = X[:, 2] = np.nan
    with pytest.warns(IsthmusWarning, match="no cell is known: "):
        made = imputer().fit(form(X))
    left = made.transform(form(X))
    assert left.shape == (60, 3)
    assert len(made.get_feature_names_out()) == 3
    assert not np.isnan(np.asarray(left)).any()
    assert made.sample(form(X), 2)[0].shape == (60, 3)
    kept = imputer(keep_empty_features=True).fit(form(X))
    isthmus.save(kept, tmp_path / "i.isthmus")
    for one in (kept, isthmus.load(tmp_path / "i.isthmus")):
        assert (np.asarray(one.transform(form(X)))[:, 2] == 0).all()
    assert len(kept.get_feature_names_out()) == 4


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, pl.DataFrame, torch.tensor])
def test_a_value_can_say_that_a_cell_is_missing(form):
    X = np.random.default_rng(0).normal(size=(60, 3)) + 5
    gone = np.random.default_rng(1).random(X.shape) < 0.2
    one = imputer().fit(form(np.where(gone, np.nan, X)))
    other = imputer(missing_values=-1).fit(form(np.where(gone, -1, X)))
    filled = other.transform(form(np.where(gone, -1, X)))
    assert type(filled) is type(form(X))
    assert np.array_equal(
        np.asarray(filled), np.asarray(one.transform(form(np.where(gone, np.nan, X))))
    )


def test_a_word_can_say_that_a_cell_is_missing(fitted):
    _, _, given = fitted
    words = ["word"]
    odd = given.copy()
    odd[words[0]] = odd[words[0]].astype(object).where(odd[words[0]].notna(), "?")
    made = imputer(missing_values="?").fit(odd).transform(odd)
    assert "?" not in set(made[words[0]])
    with pytest.raises(RecipeError, match="missing_values must be"):
        imputer(missing_values=[1]).fit(odd)


def test_draws_cover_what_they_promise():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    y = x + np.exp(0.5 * x) * rng.normal(size=2000)  # spread grows with the mean
    X = np.column_stack([x, y, rng.normal(size=2000)])
    made = isthmus.Imputer(folds=2, training=SHORT, verbose=0).fit(X[:1000])
    new = X[1000:].copy()
    new[:, 1] = np.nan
    drawn = np.stack([table[:, 1] for table in made.sample(new, 19)])
    inside = (drawn.min(0) <= y[1000:]) & (y[1000:] <= drawn.max(0))
    assert 0.86 < inside.mean() < 0.94
    low = x[1000:] < np.median(x[1000:])
    assert 0.83 < inside[low].mean() < 0.97
    assert np.ptp(drawn, 0)[~low].mean() > 1.5 * np.ptp(drawn, 0)[low].mean()


# ------------------------------------------------------------------------- formulas


def test_factor_analysis_is_the_conditional_mean_of_a_normal():
    order = torch.Generator().manual_seed(0)
    draw = torch.randn(5, 2, generator=order).double()
    made = FactorAnalysis(
        center=torch.arange(5.0).double(),
        scale=torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0]).double(),
        bias=torch.randn(5, generator=order).double(),
        loadings=draw,
        rest=torch.tensor([0.3, 0.2, 0.5, 0.1, 0.4]).double(),
    )
    x = torch.randn(7, 5, generator=order).double()
    seen = (torch.rand(7, 5, generator=order) < 0.6).double()
    mean = made.center + made.scale * made.bias
    cover = made.scale[:, None] * (draw @ draw.T + made.rest.diag()) * made.scale
    found = made(x * seen, seen)
    for i in range(7):
        here, gone = seen[i] > 0, seen[i] == 0
        gain = cover[gone][:, here] @ torch.linalg.inv(cover[here][:, here])
        expected = mean[gone] + gain @ (x[i] - mean)[here]
        torch.testing.assert_close(found[i][gone], expected)


def test_factor_analysis_learns_from_rows_with_gaps():
    order = torch.Generator().manual_seed(0)
    code = torch.randn(800, 2, generator=order)
    x = code @ torch.randn(2, 8, generator=order) + 3
    x += 0.1 * torch.randn(800, 8, generator=order)
    seen = (torch.rand(800, 8, generator=order) < 0.7).float()
    made = FactorAnalysis.learned(x[:600] * seen[:600], seen[:600])
    off = (made(x[600:] * seen[600:], seen[600:]) - x[600:])[seen[600:] == 0]
    assert off.std() < 0.4 * x.std()


def test_expected_inputs_of_categories_are_their_probabilities():
    fields = (Field(), Field(content="category", levels=4), Field(content="binary"))
    likelihood = ByColumn().on(Layout(fields=fields))
    params = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    found = likelihood.expected_view(params)
    mean = likelihood.mean(params)
    assert torch.equal(found[:, [0, 4]], mean[:, [0, 2]])
    logs = [
        likelihood.log_prob(params, torch.tensor([[0.0, level, 0.0]]))[:, 1]
        for level in (1.0, 2.0, 3.0)
    ]
    chances = torch.stack(logs, 1).softmax(1)  # given that it is a known level
    torch.testing.assert_close(found[:, 1:4], chances)


def test_the_share_of_the_network_is_the_best_on_cells_held_out(fitted):
    pair = fitted[0]._filler.pairs[0]
    width = pair.where[-1].inputs.stop
    order = torch.Generator().manual_seed(0)
    x = torch.rand(200, len(pair.where), generator=order).round() + 1
    actual = pair.network.likelihood.view(x)
    noise = torch.rand(200, width, generator=order)
    true = Guessed(0.5, network=actual * 0.999 + 5e-4, linear=noise)
    assert (shares(pair, Batch(x), [true]) == 1).all()
    false = true._replace(network=true.linear, linear=true.network)
    assert (shares(pair, Batch(x), [false]) == 0).all()


@pytest.mark.parametrize(
    ("parts", "hidden"), [(10, 1), (10, 5), (10, 8), (7, 4), (3, 2), (1, 1)]
)
def test_every_cell_is_judged_once_and_then_hidden(parts, hidden):
    part = torch.arange(parts).repeat(3, 1)
    turns = list(_turns(part, parts, hidden))
    assert (sum(judged.long() for _, judged in turns) == 1).all()
    for gone, judged in turns:
        assert (gone.sum(1) == hidden).all()
        assert (gone | ~judged).all()


def test_an_error_is_drawn_from_the_nearest_guesses():
    guesses = torch.linspace(0, 1, 400).expand(1, 1, 400)
    errors = torch.where(guesses < 0.5, 1.0, -1.0)
    made = Donors(
        seen=torch.tensor([0.5]),
        cells=torch.tensor([3]),
        guesses=guesses,
        errors=errors,
    )
    asked = np.array([0.1, 0.3, 0.7, 0.9], dtype=np.float32)
    rng, seen = np.random.default_rng(0), np.full(4, 0.6, np.float32)
    drawn = made.draw(3, asked, seen, rng)
    assert np.allclose(drawn - asked, [1, 1, -1, -1])


# -------------------------------------------------------------------------- refused


def test_images_are_refused():
    with pytest.raises(DataError, match="Imputer takes data of kind table. Got images"):
        imputer().fit(np.zeros((4, 8, 8)))


def test_a_likelihood_of_levels_is_refused():
    own = isthmus.Autoencoder(likelihood="categorical")
    with pytest.raises(RecipeError, match="one input per cell"):
        imputer(autoencoder=own).fit(np.random.default_rng(0).integers(2, size=(40, 3)))


def test_a_masking_of_ones_own_is_kept():
    own = isthmus.Autoencoder(corruption="masking", size=3)
    made = imputer(autoencoder=own).fit(load_digits().data[:60, 2:7])
    assert made.autoencoder_.recipe_.corruption.judge == "all"
    made = imputer().fit(load_digits().data[:60, 2:7])
    assert made.autoencoder_.recipe_.corruption.judge == "hidden"


def test_a_picture_needs_gaps(fitted, tmp_path):
    made, whole, given = fitted
    path = tmp_path / "filled.png"
    draw_filled(path, given, [made.transform(given)], made.missing(given))
    assert path.stat().st_size > 10_000
    with pytest.raises(DataError, match="No cell is missing"):
        draw_filled(path, whole, [whole], made.missing(whole))
