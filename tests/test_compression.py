"""Tables as bytes: errors are kept, everything else comes back as it was."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import isthmus
from isthmus.compression import container, network
from isthmus.compression.exact import FINE, TABLE, probabilities
from isthmus.compression.symbols import learn
from isthmus.compression.whole import of_floats, of_whole
from isthmus.errors import DataError

pytest.importorskip("constriction", reason="the extra 'compression'")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(network, "STEPS", 60)


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(0)
    n = 600
    heat = rng.normal(20, 5, n)
    frame = pd.DataFrame(
        {
            "heat": heat,
            "price": np.round(heat * 3 + rng.normal(size=n), 2),
            "single": heat.astype("float32"),
            "age": rng.integers(18, 90, n),
            "small": rng.integers(0, 255, n).astype("uint8"),
            "key": rng.permutation(n) + 10**12,
            "whole": pd.array(rng.integers(0, 5, n), "Int16"),
            "yes": rng.random(n) < 0.3,
            "perhaps": pd.array(rng.random(n) < 0.3, "boolean"),
            "word": rng.choice(["a", "b", "ç"], n),
            "kind": pd.Categorical(rng.choice(["x", "y"], n), ["z", "y", "x"]),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(range(n), "D"),
            "zoned": pd.date_range("2020", periods=n, freq="7min", tz="Europe/Paris"),
            "took": pd.to_timedelta(rng.integers(0, 1000, n), "ms"),
            "name": [f"name {i}" for i in range(n)],
            "same": 3.5,
            "none": np.full(n, np.nan),
        },
        index=pd.Index(rng.permutation(n), name="id"),
    )
    for column in ("heat", "whole", "perhaps", "word", "kind", "zoned"):
        frame.loc[frame.index[rng.random(n) < 0.1], column] = None
    return frame


def test_all_comes_back_without_an_error(mixed):
    back = isthmus.decompress(isthmus.compress(mixed))
    pd.testing.assert_frame_equal(back, mixed, check_exact=True)


@pytest.mark.parametrize(("error", "absolute"), [(0.01, False), (0.7, True)])
def test_no_number_is_further_off(mixed, error, absolute):
    back = isthmus.decompress(isthmus.compress(mixed, error, absolute=absolute))
    numbers = ["heat", "price", "single", "age", "small", "whole", "same", "none"]
    for name in numbers:
        was, now = (t[name].astype("float64") for t in (mixed, back))
        bound = error if absolute else error * (was.max() - was.min())
        assert not (abs(was - now) > bound).any(), name
        assert (was.isna() == now.isna()).all()
    assert (abs(mixed["heat"] - back["heat"]) > 0).any()
    rest = mixed.columns.difference(numbers)
    pd.testing.assert_frame_equal(back[rest], mixed[rest])
    pd.testing.assert_series_equal(back.dtypes, mixed.dtypes)


def test_errors_by_name_leave_the_others_exact(mixed):
    back = isthmus.decompress(isthmus.compress(mixed, {"heat": 0.05}))
    rest = mixed.columns.drop("heat")
    pd.testing.assert_frame_equal(back[rest], mixed[rest], check_exact=True)


def test_a_larger_error_and_what_columns_share_make_it_smaller(mixed, monkeypatch):
    sizes = [len(isthmus.compress(mixed[["heat"]], e)) for e in (0.0001, 0.01, 0.1)]
    assert sizes == sorted(sizes, reverse=True)
    monkeypatch.setattr(network, "STEPS", 400)
    one = np.random.default_rng(0).normal(size=(4000, 1))
    both = np.hstack([one, one])
    alone, twice = (len(isthmus.compress(x, 0.02)) for x in (one, both))
    assert twice < 1.5 * alone


@pytest.mark.parametrize("kind", [pl.from_pandas, pa.Table.from_pandas])
def test_containers_come_back(mixed, kind):
    table = kind(mixed.drop(columns=["took"]))
    back = isthmus.decompress(isthmus.compress(table))
    assert type(back) is type(table)
    assert back.equals(table)
    assert str(back.schema) == str(table.schema)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "bool"])
def test_arrays_come_back(dtype):
    X = (np.random.default_rng(0).normal(size=(60, 3)) * 3).astype(dtype)
    back = isthmus.decompress(isthmus.compress(X))
    assert back.dtype == X.dtype
    np.testing.assert_array_equal(back, X)
    one = isthmus.decompress(isthmus.compress(X[:, 0]))
    np.testing.assert_array_equal(one, X[:, 0])


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_come_back(mixed, rows):
    table = mixed.head(rows)
    back = isthmus.decompress(isthmus.compress(table, 0.1))
    exact = table.columns.difference(["heat", "price", "single", "small", "age"])
    pd.testing.assert_frame_equal(back[exact], table[exact])


def test_strange_numbers_come_back():
    X = np.array(
        [[0.1, -0.0, np.inf, 2**62, 1e300], [np.nan, 0, 1, -(2.0**62), 5e-324]]
    )
    X = np.vstack([X] * 20)
    back = isthmus.decompress(isthmus.compress(X))
    np.testing.assert_array_equal(back, X)
    assert np.signbit(back[0, 1])
    wide = pd.DataFrame(
        {"a": np.array([0, 2**64 - 1], "uint64"), "b": [-(2**63), 2**63 - 1]}
    )
    pd.testing.assert_frame_equal(isthmus.decompress(isthmus.compress(wide, 0.1)), wide)


def test_the_same_seed_gives_the_same_bytes(mixed):
    one, two = (isthmus.compress(mixed, 0.01) for _ in range(2))
    assert one == two


def test_damage_is_refused(mixed):
    data = isthmus.compress(mixed.head(50), 0.01)
    for place in (0, 6, 20, len(data) // 2, len(data) - 1):
        broken = bytearray(data)
        broken[place] ^= 1
        with pytest.raises(DataError, match="damaged|no table"):
            isthmus.decompress(bytes(broken))
    with pytest.raises(DataError):
        isthmus.decompress(data[:-4])
    body = bytearray(data[12:])
    body[-3] ^= 64  # sealed anew, so that only the cells can tell
    with pytest.raises(DataError, match="cells"):
        isthmus.decompress(data[:4] + container.checksum(bytes(body)) + bytes(body))


def test_errors_are_refused_that_cannot_be(mixed):
    with pytest.raises(DataError, match="'heta'.*'heat'"):
        isthmus.compress(mixed, {"heta": 0.1})
    with pytest.raises(DataError, match="'word' holds no numbers"):
        isthmus.compress(mixed, {"word": 0.1})
    with pytest.raises(DataError, match="0 or more"):
        isthmus.compress(mixed, -0.1)
    with pytest.raises(DataError, match="no row"):
        isthmus.compress(mixed.head(0))
    with pytest.raises(DataError, match="table, or an array"):
        isthmus.compress(np.zeros((2, 2, 2)))


def test_probabilities_are_those_of_exp():
    steps = np.arange(len(TABLE))
    np.testing.assert_allclose(TABLE, np.exp(-steps / FINE), atol=2.0**-24)
    logits = np.array([[-64.0, 0.0, 128.0]])
    np.testing.assert_allclose(probabilities(logits), np.exp([[-3, -2, 0]]), atol=1e-7)


def test_symbols_are_taken_apart_and_put_together():
    k = np.random.default_rng(0).geometric(0.001, 5000)
    symbols = learn(k)
    index, inside = symbols.split(k)
    assert symbols.number < 100
    assert (inside >= 0).all()
    assert (inside < symbols.sizes[index]).all()
    np.testing.assert_array_equal(symbols.starts[index] + inside, k)


def test_grids_are_as_coarse_as_may_be():
    cells = np.array([100, 130, 190, 1000])
    k, grid = of_whole(cells, 0)
    assert grid.step == 30
    np.testing.assert_array_equal(grid.values(k), cells)
    k, grid = of_whole(np.arange(256), 2)
    assert abs(grid.values(k) - np.arange(256)).max() == 2
    k, grid = of_floats(np.array([0.25, 0.5, 7.75]), 0.001)
    assert (grid.step, grid.scale) == (25, 100)
