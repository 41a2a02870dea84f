"""What a table costs, cell by cell, and what a fitted model says of it."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Normal, Poisson

import isthmus
from isthmus.errors import IsthmusWarning
from isthmus.estimator.reading import read_rows
from isthmus.layout import Field, Layout
from isthmus.likelihoods.by_column import ByColumn

pytestmark = pytest.mark.filterwarnings("ignore:Set aside")
QUICK = {"size": 1, "hidden": (8,), "epochs": 2, "verbose": 0, "validation": 0}


def quick(**keywords):
    return isthmus.Autoencoder(**{**QUICK, **keywords})


def people(n=400):
    """Cooks earn less than others; some ages are missing."""
    chance = np.random.default_rng(0)
    job = chance.choice(["cook", "smith", "sailor"], n, p=[0.6, 0.3, 0.1])
    born = pd.Timestamp("1980-01-01") + pd.to_timedelta(
        chance.integers(0, 9000, n), "D"
    )
    return pd.DataFrame(
        {
            "job": job,
            "rank": pd.Categorical(
                chance.choice(["low", "high", None], n),
                ["low", "no", "high"],
                ordered=True,
            ),
            "flag": chance.random(n) < 0.3,
            "pay": np.where(job == "cook", 1.0, 3.0) + chance.normal(0, 0.1, n),
            "age": np.where(chance.random(n) < 0.1, np.nan, chance.normal(40, 9, n)),
            "whole": chance.integers(0, 50, n).astype("int16"),
            "born": born.tz_localize("Asia/Kathmandu"),
            "day": born,
            "fixed": ["here"] * n,
            "same": [7] * n,
            "key": [f"k{i}" for i in range(n)],
        },
        index=chance.permutation(n),
    )


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    return quick(size=2, epochs=40).fit(people())


def batch_of(model, frame):
    rows, _ = read_rows(model, frame, reset=False)
    return model._converter.encode(rows)


def params_of_entries(likelihood):
    """Which parameters of the likelihood speak of each entry, entry by entry."""
    places = []
    for run in likelihood._runs:
        params = torch.arange(run.params.start, run.params.stop)
        places.extend(params.reshape(run.field.shape[0], -1))
    return places


# ----------------------------------------------------------------- likelihood by column

FIELDS = (
    Field(content="real", shape=(2,)),
    Field(content="binary", shape=(1,)),
    Field(content="count", shape=(2,)),
    Field(content="category", shape=(2,), levels=4),
)


def test_each_content_has_its_formula():
    likelihood = ByColumn().on(Layout(fields=FIELDS))
    x = torch.tensor([[0.5, -2, 1, 0, 7, 3, 0], [0, 1, 0, 2, 1, 1, 2]])
    y = torch.randn(2, 5 + 2 * 4)
    found = likelihood.log_prob(y, x)
    rate = 30 * torch.tanh(y[:, 3:5] / 30)
    spread = 0.5**0.5  # a variance of 1/2, less its constant
    expected = [
        Normal(y[:, :2], spread).log_prob(x[:, :2]) + 0.5 * math.log(math.pi),
        Bernoulli(logits=y[:, 2:3]).log_prob(x[:, 2:3]),
        Poisson(rate.exp()).log_prob(x[:, 3:5]),
        Categorical(logits=y[:, 5:].unflatten(-1, (2, 4))).log_prob(x[:, 5:]),
    ]
    torch.testing.assert_close(found, torch.cat(expected, 1))


def test_the_encoder_sees_categories_one_hot_and_counts_as_logarithms():
    likelihood = ByColumn().on(Layout(fields=FIELDS))
    x = torch.tensor([[0.5, -2, 1, 0, 7, 3, 0]])
    seen = likelihood.view(x)[0]
    assert seen.shape == likelihood.inputs(torch.Size([7]))
    torch.testing.assert_close(
        seen, torch.tensor([0.5, -2, 1, 0, math.log(8), 0, 0, 1, 0, 0, 0])
    )


def test_the_unknown_category_is_never_the_reconstruction():
    likelihood = ByColumn().on(Layout(fields=FIELDS[3:]))
    y = torch.randn(50, 8)
    y[:, [0, 4]] = 100.0
    assert likelihood.mean(y).min() >= 1


def guessing_cost(frame):
    """Weighted loss per row and column if each column is guessed by its frequencies."""
    model = quick(epochs=1).fit(frame)
    batch, module = batch_of(model, frame), model.module_
    likelihood, params = module.likelihood, []
    for run in likelihood._runs:
        cells = batch.x[:, run.entries]
        levels = run.field.levels
        if run.field.content == "category":
            hot = torch.nn.functional.one_hot(cells.long(), levels).double()
            params.append(hot.mean(0).log().clamp_min(-1e3).flatten())
        else:
            mean = cells.double().mean(0)
            params.append(mean.logit() if run.field.content == "binary" else mean)
    y = torch.cat(params).expand(len(frame), -1)
    entries = -likelihood.log_prob(y, batch.x.double()).mean(0) * module.entry_weights
    return model._converter.by_column(entries[None].numpy())[0]


def test_guessing_costs_one_in_every_column():
    n, chance = 801 * 6, np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "many": [f"k{i % 801}" for i in range(n)],
            "two": chance.choice(["a", "b"], n, p=[0.2, 0.8]),
            "ten": chance.choice(list("abcdefghij"), n),
            "flag": chance.random(n) < 0.1,
            "number": chance.lognormal(size=n),
        }
    )
    np.testing.assert_allclose(guessing_cost(frame), 1, rtol=1e-5)


def test_a_column_of_very_many_levels_stays_small():
    words = np.array([f"w{i}" for i in range(100_000)])
    frame = pd.DataFrame({"word": np.tile(words, 2), "n": np.arange(200_000) % 3})
    model = quick(epochs=1, batch_size=20_000).fit(frame)
    layout = model.module_.layout
    assert layout.event == (3,)
    assert sum(p.numel() for p in model.module_.parameters()) < 20_000
    actual = model.explain(frame.head(9)).actual
    pd.testing.assert_frame_equal(actual, frame.head(9))


# ------------------------------------------------------------------- unknown categories


def test_unknown_categories_are_counted_in_one_warning(trained):
    frame = people().head(6)
    frame["job"] = ["pilot", "pilot", "nurse", "cook", "cook", "smith"]
    with pytest.warns(IsthmusWarning) as told:
        trained.score_samples(frame)
    assert len(told) == 1
    assert "'job': 3 cells, such as 'pilot', 'nurse'" in str(told[0].message)


@pytest.mark.filterwarnings("ignore:Not seen in fitting")
def test_an_unknown_category_is_seen_as_zeros_and_never_rebuilt(trained):
    frame = people().head(6).assign(job="pilot")
    batch = batch_of(trained, frame)
    place = trained._converter.places["job"]
    likelihood = trained.module_.likelihood
    assert (batch.x[:, place] == 0).all()
    assert (likelihood.view(batch.x)[:, -3:] == 0).all()
    assert set(trained.reconstruct(frame)["job"]) <= {"cook", "smith", "sailor"}


@pytest.mark.filterwarnings("ignore:Not seen in fitting")
def test_an_unknown_category_scores_below_a_common_one(trained):
    common = people().query("job == 'cook'").head(20)
    unknown = trained.score_samples(common.assign(job="pilot"))
    assert np.isfinite(unknown).all()
    assert (unknown < trained.score_samples(common)).all()


# ------------------------------------------------------------------------ still columns

STILL = {
    "float": (0.1, 1e6),
    "whole": (7, -3),
    "text": ("a", "b"),
    "flag": (True, False),
    "time": (pd.Timestamp("2024-01-01"), pd.Timestamp("2031-05-01")),
    "large": (1e9, 0.0),
}


def still_column(name, kind, n):
    """A column of ``n`` cells that hardly vary, and a strange cell."""
    usual, strange = STILL[name]
    cells = pd.Series([usual] * n)
    if kind == "one cell differs":
        cells.iloc[-1] = strange
    elif kind == "jitter":
        cells = cells + np.spacing(usual) * (np.arange(n) % 3)
    return cells, strange


@pytest.mark.filterwarnings("ignore:Not seen in fitting")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, "constant") for name in STILL),
        *((name, "one cell differs") for name in STILL),
        *((name, "jitter") for name in ("float", "large")),
    ],
)
def test_a_column_that_hardly_varied_cannot_drown_the_others(name, kind):
    n, chance = 1000, np.random.default_rng(0)
    loud = pd.DataFrame(chance.normal(size=(n, 4)), columns=list("abcd"))
    loud["e"] = chance.choice(["x", "y"], n)
    cells, strange = still_column(name, kind, n)
    model = quick(epochs=10).fit(loud.assign(still=cells))
    others = model.explain(loud.assign(still=cells)).contributions[list("abcde")]
    changed = loud.head(20).assign(still=pd.Series([strange] * 20))
    cost = model.explain(changed).contributions["still"].abs()
    assert cost.max() <= np.quantile(others.abs(), 0.999)


# ------------------------------------------------------------------------- explanations


def test_contributions_and_the_rest_are_the_score(trained):
    frame = people()
    explained = trained.explain(frame)
    total = explained.contributions.to_numpy().sum(axis=1) + explained.rest
    np.testing.assert_allclose(total, trained.score_samples(frame), atol=1e-6)
    assert list(explained.contributions) == list(frame)
    assert (explained.contributions["key"] == 0).all()


def test_actual_and_expected_have_the_types_of_the_rows(trained):
    frame = people()
    explained = trained.explain(frame)
    pd.testing.assert_frame_equal(explained.actual, frame)
    assert list(explained.expected.dtypes) == list(frame.dtypes)
    assert explained.expected.index.equals(frame.index)
    assert set(explained.expected["same"]) == {7}
    assert set(explained.expected["fixed"]) == {"here"}


def test_actual_is_what_stands_there_not_what_stood_there_in_fitting(trained):
    frame = people().head(3)
    frame["whole"] = [1.25, 2.5, 3.75]
    frame["day"] = frame["day"] + pd.Timedelta(minutes=1)
    actual = trained.explain(frame).actual
    assert actual["whole"].tolist() == [1.25, 2.5, 3.75]
    assert (actual["day"] == frame["day"]).all()


def test_what_float64_cannot_hold_is_passed_on_as_it_is():
    n = 120
    frame = pd.DataFrame(
        {
            "user_id": np.arange(n) * 7 + 2**60 + 1,
            "when": pd.date_range("2024-01-01", periods=n, freq="1000001ns"),
            "number": np.linspace(0, 1, n),
        }
    )
    model = quick().fit(frame)
    pd.testing.assert_frame_equal(model.explain(frame).actual, frame)
    pd.testing.assert_series_equal(
        model.reconstruct(frame)["user_id"], frame["user_id"]
    )


def test_only_categories_and_booleans_have_probabilities(trained):
    explained = trained.explain(people())
    chosen = ["flag", "job", "rank"]
    for table in (explained.actual_probability, explained.expected_probability):
        known = table[chosen].to_numpy()
        assert ((known >= 0) & (known <= 1) | np.isnan(known)).all()
        assert table.drop(columns=chosen).isna().all(axis=None)
    most, real = explained.expected_probability, explained.actual_probability
    assert (most[chosen].isna() == real[chosen].isna()).all(axis=None)
    assert (most[chosen].fillna(1) >= real[chosen].fillna(0)).all(axis=None)


def test_a_probability_is_that_of_the_softmax(trained):
    frame = people()
    batch, module = batch_of(trained, frame), trained.module_
    with torch.no_grad():
        params = module.decode(module.encode(batch))
    part = next(p for p in trained._converter.parts if p.names == ("job",))
    place = trained._converter.places["job"].start
    logits = params[:, params_of_entries(module.likelihood)[place]].double()
    level = torch.tensor([part.levels.index(cell) + 1 for cell in frame["job"]])
    by_hand = logits.softmax(1)[torch.arange(len(frame)), level]
    found = trained.explain(frame).actual_probability["job"]
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)


@pytest.mark.parametrize("form", [pl.from_pandas, pa.Table.from_pandas])
def test_explanations_come_in_the_container_of_the_rows(form, trained):
    frame = people().reset_index(drop=True)
    explained = trained.explain(form(frame))
    assert type(explained.expected) is type(form(frame))
    np.testing.assert_array_equal(
        np.asarray(explained.contributions["age"]),
        trained.explain(frame).contributions["age"],
    )
