"""A sampler makes rows that are like those of fitting, and keeps what is given."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_digits

import isthmus
from isthmus.data.kinds import Columns
from isthmus.errors import DataError, IsthmusWarning, RecipeError
from isthmus.generation import dependencies
from isthmus.generation.density import Density
from isthmus.generation.gaps import Gaps
from isthmus.generation.marginals import Marginal
from isthmus.generation.paths import between
from isthmus.generation.residuals import Residuals

QUICK = isthmus.Training(epochs=15)


def people(n=1500):
    """Age, wage and work hang together; a wage is often missing where nobody works."""
    rng = np.random.default_rng(0)
    works = rng.random(n) < 0.7
    age = rng.integers(18, 80, n)
    wage = np.where(works, 1500 + 30 * age + rng.normal(0, 200, n), 0.0).round(2)
    gone = rng.random(n) < np.where(works, 0.05, 0.4)
    return pd.DataFrame(
        {
            "age": age.astype("int16"),
            "wage": np.where(gone, np.nan, wage),
            "work": pd.Categorical(np.where(works, "yes", "no"), ["no", "yes", "?"]),
            "town": rng.choice(["Rome", "Oslo", "Bonn"], n, p=[0.5, 0.3, 0.2]),
            "old": age > 60,
            "since": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 700, n), "D"),
        }
    )


FRAME = people()


@pytest.fixture(scope="module")
def fitted():
    return isthmus.Sampler(training=QUICK, verbose=0).fit(FRAME)


@pytest.fixture(scope="module")
def made(fitted):
    return fitted.sample(3000, random_state=0)


def test_made_rows_have_the_types_ranges_and_levels_of_real_ones(made):
    assert made.dtypes.equals(FRAME.dtypes)
    assert set(made["town"]) == set(FRAME["town"])
    assert set(made["work"]) <= {"no", "yes"}
    for name in ("age", "wage", "since"):
        assert FRAME[name].min() <= made[name].min()
        assert made[name].max() <= FRAME[name].max()
    assert (made["wage"].dropna() == made["wage"].dropna().round(2)).all()
    assert (made["since"] == made["since"].dt.normalize()).all()


def test_columns_are_distributed_as_they_were(made):
    for name in ("age", "wage", "since"):
        real, new = (f[name].dropna().astype("int64") for f in (FRAME, made))
        assert stats.ks_2samp(real, new).statistic < 0.06
    for name in ("town", "work", "old"):
        shares = [f[name].value_counts(normalize=True) for f in (FRAME, made)]
        assert (shares[0] - shares[1]).abs().max() < 0.06


def test_columns_hang_together_as_they_did(made):
    for frame in (FRAME, made):
        working = frame[frame["work"] == "yes"].dropna()
        assert np.corrcoef(working["age"], working["wage"])[0, 1] > 0.7
        assert (frame[frame["work"] == "no"]["wage"].dropna() < 500).mean() > 0.85
        assert frame[frame["old"]]["age"].mean() > 65


def test_cells_are_missing_at_their_rate_and_where_they_were(made):
    real, new = (
        f["wage"].isna().groupby(f["work"] == "yes").mean() for f in (FRAME, made)
    )
    assert made["wage"].isna().mean() == pytest.approx(
        FRAME["wage"].isna().mean(), abs=0.03
    )
    assert new[False] > new[True] + 0.15
    assert real[False] > new[False] - 0.1
    assert not made.drop(columns="wage").isna().any().any()


def test_whole_numbers_with_gaps_keep_their_shares():
    rng = np.random.default_rng(0)
    age = rng.integers(1, 80, 800).astype(float)
    frame = pd.DataFrame({"age": age, "fare": age + rng.normal(0, 5, 800)})
    frame.loc[rng.random(800) < 0.3, "age"] = np.nan
    sampler = isthmus.Sampler(training=QUICK, verbose=0).fit(frame)
    made = sampler.sample(3000, random_state=0)
    gone = frame["age"].isna().mean()
    assert made["age"].isna().mean() == pytest.approx(gone, abs=0.03)
    assert (made["age"] == frame["age"].max()).mean() < 0.04
    assert (made["age"].dropna() % 1 == 0).all()
    real, new = frame["age"].dropna(), made["age"].dropna()
    assert stats.ks_2samp(real, new).statistic < 0.08


def test_the_same_seed_makes_the_same_rows_however_many(fitted, made):
    pd.testing.assert_frame_equal(fitted.sample(20, random_state=0), made[:20])
    assert not fitted.sample(20, random_state=1).equals(made[:20])
    again = clone(fitted).fit(FRAME).sample(20, random_state=0)
    pd.testing.assert_frame_equal(again, made[:20])


def test_a_saved_sampler_makes_the_same_rows(fitted, tmp_path):
    isthmus.save(fitted, tmp_path / "s.isthmus")
    loaded = isthmus.load(tmp_path / "s.isthmus")
    for given in (None, {"town": "Oslo", "age": 30}):
        one, two = (s.sample(50, given=given, random_state=3) for s in (fitted, loaded))
        pd.testing.assert_frame_equal(one, two)
    assert clone(loaded).fit(FRAME).sample(2).shape == (2, 6)


@pytest.mark.parametrize(
    "container", [pl.DataFrame, lambda df: pl.DataFrame(df).to_arrow()]
)
def test_rows_come_in_the_container_of_fitting(container):
    frame = container(FRAME[["age", "town"]])
    made = isthmus.Sampler(training=isthmus.Training(epochs=1), verbose=0).fit(frame)
    assert type(made.sample(5)) is type(frame)


def test_what_follows_from_another_column_does_so_in_made_rows():
    towns = FRAME["town"].map({"Rome": "Italy", "Oslo": "Norway", "Bonn": None})
    frame = FRAME[["age", "town", "wage"]].assign(
        land=towns, post=FRAME["town"].map({"Rome": 3, "Oslo": 1, "Bonn": 2})
    )
    frame["decade"] = frame["age"] // 10 * 10
    frame["chance"] = np.random.default_rng(0).integers(0, 3, len(frame))
    sampler = isthmus.Sampler(training=isthmus.Training(epochs=3), verbose=0).fit(frame)

    def together(rows):
        pairs = rows[["town", "land", "post"]].astype(object)
        return set(pairs.where(pairs.notna(), None).itertuples(index=False, name=None))

    made = sampler.sample(500, random_state=0)
    assert together(made) == together(frame)
    assert (made["decade"] == made["age"] // 10 * 10).all()
    assert made.groupby("town")["chance"].nunique().min() == 3
    for cell in ({"land": "Norway"}, {"post": 1}, {"town": "Oslo"}):
        given = sampler.sample(50, given=cell, random_state=0)
        assert together(given) == {("Oslo", "Norway", 1)}
    with pytest.warns(IsthmusWarning, match="between 1 and 3"):
        assert (sampler.sample(5, given={"post": 9})["post"] == 9).all()


def test_what_may_be_chance_is_no_dependency():
    rng = np.random.default_rng(0)
    rare = np.where(np.arange(200) == 7, "r", "o").astype(object)
    cells = {"a": rng.permutation(200) // 2.0, "rare": pa.array(rare)}
    assert not dependencies.learned({**cells, "n": rng.random(200)})


# ------------------------------------------------------------------------------ given


def test_half_of_a_whole_number_is_refused(fitted):
    with pytest.raises(DataError, match="age holds whole numbers. Got 30.5"):
        fitted.sample(2, given={"age": 30.5})


def test_given_cells_are_kept_and_others_follow(fitted):
    made = fitted.sample(400, given={"work": "yes", "age": 30}, random_state=0)
    assert (made["work"] == "yes").all()
    assert (made["age"] == 30).all()
    like = FRAME[(FRAME["work"] == "yes") & FRAME["age"].between(27, 33)]
    assert made["wage"].median() == pytest.approx(like["wage"].median(), rel=0.06)
    assert not made["old"].mean() > 0.05


def test_a_frame_of_given_cells_is_completed_row_by_row(fitted):
    given = pd.DataFrame({"work": ["yes", "no", None], "wage": [2500.5, np.nan, 0.0]})
    made = fitted.sample(given=given, random_state=0)
    assert made["work"].tolist()[:2] == ["yes", "no"]
    assert made["work"].iloc[2] == "no"  # nobody works for nothing
    assert made["wage"].iloc[0] == 2500.5
    round_ = fitted.sample(6, given=given[:2], random_state=0)
    assert round_["work"].tolist() == ["yes", "no"] * 3


def test_given_numbers_lead_to_the_conditional_distribution_of_a_normal_one():
    rng = np.random.default_rng(1)
    x = rng.normal(size=4000)
    frame = pd.DataFrame({"x": x, "y": 0.8 * x + 0.6 * rng.normal(size=4000)})
    sampler = isthmus.Sampler(training=QUICK, verbose=0).fit(frame)
    for value in (-1.0, 1.5):
        y = sampler.sample(3000, given={"x": value}, random_state=0)["y"]
        assert y.mean() == pytest.approx(0.8 * value, abs=0.12)
        assert y.std() == pytest.approx(0.6, abs=0.08)


def test_given_categories_lead_to_the_conditional_distribution_of_a_table():
    rng = np.random.default_rng(2)
    one = rng.random(6000) < 0.25
    two = rng.random(6000) < np.where(one, 0.9, 0.3)
    frame = pd.DataFrame(
        {"one": np.where(one, "a", "b"), "two": np.where(two, "c", "d")}
    )
    sampler = isthmus.Sampler(training=QUICK, verbose=0).fit(frame)
    for given, wanted in (({"one": "a"}, 0.9), ({"one": "b"}, 0.3)):
        made = sampler.sample(4000, given=given, random_state=0)
        assert (made["two"] == "c").mean() == pytest.approx(wanted, abs=0.05)
    made = sampler.sample(4000, given={"two": "c"}, random_state=0)
    assert (made["one"] == "a").mean() == pytest.approx(0.225 / 0.45, abs=0.05)


def test_what_fitting_has_not_seen_is_warned_of(fitted):
    with pytest.warns(IsthmusWarning, match="age is 300, and was between"):
        fitted.sample(3, given={"age": 300}, random_state=0)
    rng = np.random.default_rng(0)
    one = rng.integers(0, 2, 600)
    table = {"one": np.array(["a", "b"])[one], "two": 10 * one + rng.normal(size=600)}
    sampler = isthmus.Sampler(verbose=0, random_state=0).fit(pd.DataFrame(table))
    with pytest.warns(IsthmusWarning, match="hardly ever occur together"):
        sampler.sample(3, given={"one": "a", "two": 10.0}, random_state=0)


def test_what_cannot_be_given_is_refused(fitted):
    with pytest.raises(DataError, match="no town called 'Paris'"):
        fitted.sample(3, given={"town": "Paris"})
    with pytest.raises(DataError, match="Did you mean 'age'"):
        fitted.sample(3, given={"agee": 3})
    with pytest.raises(DataError, match="cells by column"):
        fitted.sample(3, given=[1, 2])
    with pytest.raises(RecipeError, match="n must be a whole number of 1"):
        fitted.sample(0)


def test_what_hardly_ever_occurs_is_warned_of():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(1000, 9)))
    own = isthmus.variational(size=9, beta=0.02, epochs=25)
    sampler = isthmus.Sampler(autoencoder=own, verbose=0).fit(X)
    with pytest.warns(IsthmusWarning, match="agree with what is given"):
        sampler.sample(5, given=dict.fromkeys(X, 2.2), random_state=0)


# ---------------------------------------------------------- densities, autoencoders


@pytest.mark.parametrize("preset", ["undercomplete", "vector_quantized", "wasserstein"])
def test_any_autoencoder_will_do(preset):
    rng = np.random.default_rng(0)
    X = (
        rng.normal(size=(1500, 2)) @ rng.normal(size=(2, 5))
        + rng.normal(size=(1500, 5)) / 9
    )
    own = getattr(isthmus, preset)(size=3, epochs=20, verbose=0)
    made = (
        isthmus.Sampler(autoencoder=own, verbose=0).fit(X).sample(2000, random_state=0)
    )
    assert made.dtype == np.float64
    assert np.abs(np.corrcoef(made.T) - np.corrcoef(X.T)).max() < 0.25
    assert (
        max(stats.ks_2samp(a, b).statistic for a, b in zip(made.T, X.T, strict=True))
        < 0.06
    )


def test_the_prior_is_that_of_a_variational_code():
    X = FRAME[["age", "town"]]
    made = isthmus.Sampler(density="prior", training=QUICK, verbose=0).fit(X)
    assert len(made.density_.weights) == 1
    assert torch.equal(made.density_.means, torch.zeros_like(made.density_.means))
    own = isthmus.undercomplete(epochs=1)
    with pytest.raises(RecipeError, match="has no prior"):
        isthmus.Sampler(density="prior", autoencoder=own, verbose=0).fit(X)
    with pytest.raises(RecipeError, match="density must be"):
        isthmus.Sampler(density="kernel", verbose=0).fit(X)


def test_identifiers_are_missing_and_constants_stay():
    frame = FRAME[["age"]].assign(id=[f"k{j}" for j in range(len(FRAME))], same="x")
    columns = Columns(kinds={"id": "identifier"})
    sampler = isthmus.Sampler(columns=columns, training=QUICK, verbose=0)
    made = sampler.fit(frame).sample(10)
    assert made["id"].isna().all()
    assert (made["same"] == "x").all()


# ------------------------------------------------------------------ images and series


def test_images_are_made_and_ways_lead_from_one_to_another():
    X = load_digits().images.astype("uint8")
    sampler = isthmus.Sampler(training=isthmus.Training(epochs=3), verbose=0).fit(X)
    made = sampler.sample(12, random_state=0)
    assert made.shape == (12, 8, 8)
    assert made.dtype == np.uint8
    grainy = sampler.sample(12, noise=True, random_state=0)
    assert not np.array_equal(grainy, made)
    for way in ("linear", "spherical"):
        found = sampler.interpolate(X[:1], X[1:2], 5, way=way)
        ends = sampler.autoencoder_.reconstruct(X[:2])
        assert found.shape == (5, 8, 8)
        assert np.array_equal(found[[0, -1]], ends)
    with pytest.raises(DataError, match="this is none"):
        sampler.sample(2, given={"a": 1})
    with pytest.raises(DataError, match="one example"):
        sampler.interpolate(X[:2], X[:1])


def test_windows_of_a_series_are_made():
    X = np.sin(np.arange(900) / 9)[:, None] * [1.0, 2.0]
    sampler = isthmus.Sampler(
        kind="series", training=isthmus.Training(epochs=2), verbose=0
    )
    assert sampler.fit(X).sample(3, random_state=0).shape == (3, 96, 2)


# ----------------------------------------------------------------------------- formulas


def test_an_arc_keeps_length_and_speed():
    a, b = np.array([2.0, 0.0]), np.array([0.0, 2.0])
    found = between(a, b, 4, "spherical")
    angles = np.linspace(0, np.pi / 2, 4)
    np.testing.assert_allclose(
        found, 2 * np.c_[np.cos(angles), np.sin(angles)], atol=1e-6
    )
    np.testing.assert_allclose(between(a, b, 3, "linear")[1], [1, 1])
    np.testing.assert_allclose(
        between(a, -a, 3, "spherical")[1], [0, 0]
    )  # no arc is it
    with pytest.raises(RecipeError, match="way must be"):
        between(a, b, 3, "straight")
    with pytest.raises(RecipeError, match="steps must be"):
        between(a, b, 1, "linear")


def test_a_density_is_that_of_its_mixture():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-4, 1, (900, 2)), rng.normal(3, 0.5, (600, 2))])
    density = Density.fitted(codes[None].astype(np.float32), seed=0)
    assert len(density.weights) == 60
    z = torch.randn(7, 2)
    direct = sum(
        w
        * torch.distributions.MultivariateNormal(m, scale_tril=density.factor)
        .log_prob(z)
        .exp()
        for w, m in zip(density.weights, density.means, strict=True)
    )
    torch.testing.assert_close(density.log_prob(z), direct.log(), rtol=1e-4, atol=1e-4)
    torch.manual_seed(0)
    drawn, _ = density.sample(20_000)
    parts = [
        w.log()
        + torch.distributions.MultivariateNormal(m, scale_tril=density.factor).log_prob(
            z
        )
        for w, m in zip(density.weights, density.means, strict=True)
    ]
    assert torch.equal(density.nearest(z), torch.stack(parts).argmax(0))
    np.testing.assert_allclose(drawn.mean(0), codes.mean(0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.4)


def test_few_codes_are_as_frequent_as_they_were():
    codes = np.array([[0.0, 1.0]] * 3 + [[2.0, 2.0]], np.float32)
    density = Density.frequencies(codes)
    torch.manual_seed(0)
    drawn, _ = density.sample(4000)
    assert set(map(tuple, drawn.tolist())) == {(0.0, 1.0), (2.0, 2.0)}
    assert (drawn[:, 0] == 0).float().mean() == pytest.approx(0.75, abs=0.03)
    assert density.nearest(torch.from_numpy(codes)).tolist() == [0, 0, 0, 1]


def test_a_marginal_maps_one_distribution_onto_the_other():
    rng = np.random.default_rng(0)
    real, y = rng.exponential(3, 9000), rng.normal(5, 2, 9000)
    marginal = Marginal.learned(real, y)
    x = marginal(y)
    assert stats.ks_2samp(real, x, method="asymp").statistic < 0.005
    expected = -3 * np.log(stats.norm.sf(6.0, 5, 2))
    assert marginal(np.array([6.0]))[0] == pytest.approx(expected, rel=0.06)
    whole = Marginal.learned(np.repeat([0.0, 7.0, 99.0], [80, 15, 5]), y)
    assert set(whole(y)) == {0.0, 7.0, 99.0}
    assert (whole(y) == 0).mean() == pytest.approx(0.8, abs=0.01)
    low, high = whole.interval(np.array([0.0, 7.0, 99.0]))
    inside = (y[:, None] > low) & (y[:, None] < high)
    assert (whole(y)[inside[:, 1]] == 7).mean() > 0.99
    assert inside.mean(0) == pytest.approx([0.8, 0.15, 0.05], abs=0.01)
    assert marginal.digits is None
    assert Marginal.learned(real.round(2), y).digits == 2


def test_residuals_are_drawn_as_they_were():
    torch.manual_seed(0)
    errors = torch.randn(5000, 3) * torch.tensor([1.0, 2.0, 3.0])
    visible = torch.ones_like(errors)
    visible[:2500, 2] = 0
    found = Residuals.learned(errors, visible, torch.tensor([1, 2]), 513)
    drawn = found.sample(20_000)
    assert stats.ks_2samp(drawn[:, 0], errors[:, 1]).statistic < 0.02
    assert stats.ks_2samp(drawn[:, 1], errors[2500:, 2]).statistic < 0.03
    share = float(found.share(1, torch.tensor([1.0])))
    assert share == pytest.approx(float((errors[:, 1] < 1).float().mean()), abs=0.005)
    assert found.variance([1])[0] == pytest.approx(4.0, rel=0.1)


def test_gaps_come_together_as_they_did():
    hidden = np.array([[1, 1, 0]] * 30 + [[0, 0, 0]] * 60 + [[0, 0, 1]] * 10, bool)
    chosen = torch.tensor([0] * 40 + [1] * 60)
    gaps = Gaps.learned(hidden, chosen, 3)
    torch.manual_seed(0)
    drawn = gaps.sample(torch.zeros(8000, dtype=torch.long))
    assert torch.equal(drawn[:, 0], drawn[:, 1])
    assert drawn[:, 0].float().mean() == pytest.approx(30 / 40, abs=0.02)
    nobody = gaps.sample(torch.full((8000,), 2))
    assert nobody[:, 0].float().mean() == pytest.approx(0.3, abs=0.02)


def test_a_code_with_a_way_around_it_cannot_be_made():
    from isthmus.architectures.conv2d import Conv2d

    own = isthmus.denoising(architecture=Conv2d(places=True, skips=True), epochs=1)
    X = load_digits().images[:40]
    with pytest.raises(RecipeError, match="without skips"):
        isthmus.Sampler(autoencoder=own, verbose=0).fit(X)


@pytest.mark.parametrize(
    ("name", "params", "mean", "variance"),
    [
        ("squared_error", [2.0], 2.0, 0.5),
        ("huber", [2.0], 2.0, None),
        ("normal", [2.0, math.log(3.0)], 2.0, 9.0),
        ("bernoulli", [0.7], 0.668, 0.222),
        ("poisson", [1.1], math.exp(1.1), math.exp(1.1)),
        ("negative_binomial", [1.0, 0.4], None, None),
    ],
)
def test_a_likelihood_draws_what_it_says(name, params, mean, variance):
    from isthmus.layout import Layout
    from isthmus.parts import Likelihood

    kind = Likelihood.named(name)()
    content = kind.prefers or "real"
    likelihood = kind.on(Layout.of(1, content=content))
    tensor = torch.tensor(params).reshape(likelihood.params(torch.Size([1])))
    torch.manual_seed(0)
    drawn = likelihood.sample(tensor.expand(200_000, *tensor.shape)).double()
    wanted = float(likelihood.mean(tensor)) if mean is None else mean
    assert float(drawn.mean()) == pytest.approx(wanted, rel=0.02)
    if name == "huber":  # by the quadrature of its density
        e = torch.linspace(-40, 40, 400_001, dtype=torch.double)[:, None]
        p = likelihood.log_prob(torch.zeros_like(e), e).exp()
        variance = float((e.square() * p).sum() / p.sum())
    if name == "negative_binomial":
        m, r = math.exp(15 * math.tanh(1 / 15)), math.exp(15 * math.tanh(0.4 / 15))
        variance = m + m * m / r
    assert float(drawn.var()) == pytest.approx(variance, rel=0.04)
