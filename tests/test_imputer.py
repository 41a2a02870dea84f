"""An imputer fills what is missing, and leaves the rest as it came."""

import numpy as np
import pandas as pd
import pytest

import isthmus

SHORT = isthmus.Training(epochs=8, batch_size=64)


def imputer(**keywords):
    return isthmus.Imputer(**{"training": SHORT, "folds": 2, "verbose": 0} | keywords)


def mixed(rows=300):
    """Columns of every kind that follow from each other, and the same with gaps."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=rows)
    whole = pd.DataFrame(
        {
            "length": 10 + 2 * size,
            "count": np.clip(np.rint(3 + size), 0, None).astype("int64"),
            "big": size > 0,
            "kind": pd.Categorical(
                np.where(size > 0.5, "L", np.where(size < -0.5, "S", "M"))
            ),
            "word": np.where(size > 0, "yes", "no"),
            "when": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(np.rint(100 + 30 * size), "D"),
        }
    ).astype({"count": "Int64", "big": "boolean", "word": object})
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


def test_draws_differ_and_hold_values_that_were_seen(fitted):
    made, _, given = fitted
    first, second = made.sample(given, 2)
    again = made.sample(given, 2)[1]
    pd.testing.assert_frame_equal(second, again)
    assert not first.equals(second)
    assert not first.isna().any().any()
    assert set(first["count"]) <= set(given["count"].dropna())
    assert (first.dtypes == given.dtypes).all()


def test_a_saved_imputer_gives_the_same_bits(fitted, tmp_path):
    made, _, given = fitted
    isthmus.save(made, tmp_path / "i.isthmus")
    loaded = isthmus.load(tmp_path / "i.isthmus")
    pd.testing.assert_frame_equal(loaded.transform(given), made.transform(given))
    pd.testing.assert_frame_equal(loaded.sample(given, 2)[1], made.sample(given, 2)[1])
    assert loaded.folds == made.folds
    assert loaded.autoencoder is None
