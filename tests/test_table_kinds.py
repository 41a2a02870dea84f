"""What columns are found to be, and the entries that they become."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import strategies as st

import isthmus
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.corruptions.masking import Masking
from isthmus.corruptions.swap_noise import SwapNoise
from isthmus.data import categories
from isthmus.data.categories import Categories, LevelCounts
from isthmus.data.frames import like, open_frame
from isthmus.data.kinds import Columns
from isthmus.data.learner import TableLearner
from isthmus.errors import DataError, IsthmusWarning
from isthmus.estimator.explanation import give_back
from isthmus.estimator.tables import READ_AS

DATES = dt.date(1700, 1, 1), dt.date(2250, 1, 1)
MOMENTS = dt.datetime(1700, 1, 1), dt.datetime(2250, 1, 1)  # noqa: DTZ001
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def learned(frame, kinds=None, **kwargs):
    """The table that a frame is learned to be, its rows, and where they came from."""
    wanted = {name: READ_AS.get(kind, kind) for name, kind in (kinds or {}).items()}
    rows, origin = open_frame(frame, wanted)
    learner = TableLearner(rows.columns, wishes=Columns(kinds=kinds or {}), **kwargs)
    return learner.update(rows).finish(), rows, origin


def there_and_back(frame, **kwargs):
    table, rows, origin = learned(frame, **kwargs)
    x = table.encode(rows).x.numpy()
    return give_back(table, x, (origin, origin), rows)


def kinds_of(frame, **kwargs):
    table, *_ = learned(pd.DataFrame({"plain": [0.5, 1.5] * 60} | frame), **kwargs)
    return {found.name: found.kind for found in table.found if found.name != "plain"}


# --------------------------------------------------------------- what columns are found


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([f"{i:032x}" for i in range(120)], "identifier"),
        ([f"the story of row {i} is long" for i in range(120)], "text"),
        (range(7, 127), "identifier"),
        (np.arange(120) ** 2, "integer"),
        ([1, 1, 2] * 40, "integer"),
        ([0.5, None] * 60, "constant"),
        ([0.5, 2] * 60, "float"),
        (["x", None] * 60, "constant"),
        ([None] * 120, "constant"),
        ([1, 0] * 60, "boolean"),
        (["yes", "no"] * 60, "category"),
        (["007", "012"] * 60, "category"),
        (["1", "NA"] * 30 + ["2.5", "?"] * 30, "float"),
        (["2024-01-31", "2024-12-31 23:59"] * 60, "datetime"),
        (["2024-02-30", "2024-01-01"] * 60, "category"),
    ],
    ids=str,
)
def test_columns_are_found_to_be(cells, kind):
    assert kinds_of({"c": cells}) == {"c": kind}


def test_whole_numbers_called_an_id_are_one():
    cells = np.arange(120) * 17 % 1009
    assert kinds_of({"user_id": cells, "paid": cells}) == {
        "user_id": "identifier",
        "paid": "integer",
    }


def test_columns_set_aside_say_why_and_can_be_taken_in():
    frame = pd.DataFrame(
        {"plain": [0.5, 1.5] * 60, "name": [f"n{i}" for i in range(120)]}
    )
    table, *_ = learned(frame)
    assert table.aside == ["name"]
    assert "120 values in 120 rows" in next(f.why for f in table.found if f.why)
    table, *_ = learned(frame, kinds={"name": "category"})
    assert table.aside == []


def test_a_table_of_identifiers_alone_is_refused():
    frame = pd.DataFrame({"name": [f"n{i}" for i in range(120)]})
    with pytest.raises(DataError, match="No column is left to learn from: 'name'"):
        learned(frame)


# -------------------------------------------------------------------------------- times


def weekly(hours, days=60):
    start = pd.Timestamp("2024-01-01")
    return [
        start + pd.Timedelta(days=d, hours=hours[d % len(hours)]) for d in range(days)
    ]


@pytest.mark.parametrize(
    ("times", "cycles"),
    [
        (weekly([0]), ("week",)),
        (weekly([0, 7, 19]), ("week", "day")),
        (weekly([3], 800), ("year", "week")),
        (pd.date_range("2020-01-06", periods=200, freq="7D"), ("year",)),
        (pd.date_range("2024-01-01", periods=9, freq="1min"), ()),
    ],
    ids=["days", "hours", "years", "mondays", "minutes"],
)
def test_cycles_are_kept_only_if_they_vary(times, cycles):
    table, *_ = learned(pd.DataFrame({"when": times}))
    assert table.parts[0].cycles == cycles


def test_noisy_entries_land_on_the_right_hour():
    frame = pd.DataFrame({"when": weekly([1, 9, 17], 365)})
    table, rows, origin = learned(frame)
    x = table.encode(rows).x.numpy()
    x[:, 0] += np.random.default_rng(0).normal(0, 0.005, len(x))  # half a day
    x[:, 1:] *= 0.8
    back = give_back(table, x, (origin, origin), rows)
    pd.testing.assert_frame_equal(back, frame)


def test_days_come_back_at_midnight_whatever_the_noise():
    days = pd.to_datetime([dt.date(2024, 1, 1 + i % 28) for i in range(56)])
    table, rows, origin = learned(pd.DataFrame({"day": days}))
    x = table.encode(rows).x.numpy()
    x += np.random.default_rng(0).normal(0, 0.1, x.shape).astype("float32")
    back = give_back(table, x, (origin, origin), rows)["day"]
    assert (back == back.dt.normalize()).all()


# -------------------------------------------------------------------- entries of a cell


def mixed_rows(n=2000):
    chance = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "number": chance.normal(size=n),
            "when": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(chance.integers(1, 10**6, n), "min"),
            "many": [f"k{i:03}" for i in chance.integers(0, 300, n)],
            "flag": chance.random(n) < 0.5,
        }
    )
    table, rows, _ = learned(frame)
    return table, table.encode(rows).x


def cells_of(table, mask):
    """Whether each cell is touched, (n, columns); its entries must agree."""
    touched = [mask[:, place] for place in table.places.values()]
    assert all((cell == cell[:, :1]).all() for cell in touched)
    return torch.stack([cell[:, 0] for cell in touched], 1)


def test_masking_hides_whole_cells():
    table, x = mixed_rows()
    hidden = cells_of(table, Masking(rate=0.25)(x, table.layout()).visible == 0)
    torch.testing.assert_close(
        hidden.float().mean(0), torch.full((4,), 0.25), atol=0.04, rtol=0
    )
    assert 0.03 < (hidden[:, 0] & hidden[:, 1]).float().mean() < 0.1  # independent


def test_swapped_cells_are_those_of_another_row():
    table, x = mixed_rows()
    swapped = SwapNoise(rate=0.5)(x, table.layout()).x
    for name in ("when", "many"):
        known = {tuple(row) for row in x[:, table.places[name]].tolist()}
        assert {tuple(row) for row in swapped[:, table.places[name]].tolist()} <= known
        changed = (swapped != x)[:, table.places[name]].any(1).float().mean()
        assert 0.45 < changed < 0.55


def test_noise_leaves_categories_alone():
    table, x = mixed_rows()
    noisy = GaussianNoise()(x, table.layout()).x
    still = (noisy == x).all(0)
    assert still[table.places["many"]].all()
    assert not still[table.places["number"]].any()


# -------------------------------------------------------------------------- many levels


def test_a_hundred_thousand_levels_take_two_entries_and_come_back():
    words = [f"w{i}" for i in np.random.default_rng(0).permutation(100_000)]
    seen = LevelCounts()
    seen.update(pa.chunked_array([pa.array(words)]))
    made = Categories.learned("c", "category", seen)
    entries = made.encode(pa.chunked_array([pa.array(words)]))
    assert made.field.shape == (2,)
    assert made.field.levels == 318
    assert [made.levels[i] for i in made.decode(entries)] == words


@pytest.mark.parametrize("content", ["category", "real", "unit"])
@pytest.mark.parametrize("count", [1, 2, 256, 257, 1000])
def test_every_level_has_entries_of_its_own(count, content):
    made = Categories("c", [f"w{i}" for i in range(count)], content)
    entries = made.encode(pa.chunked_array([pa.array(made.levels)]))
    assert entries.shape == (count, made.field.shape[0])
    assert made.decode(entries).tolist() == list(range(count))


def test_levels_stand_in_the_order_of_frequency_then_of_names():
    seen = LevelCounts()
    seen.update(pa.chunked_array([pa.array(["b", "a", "c", "c"])]))
    assert Categories.learned("c", "category", seen).levels == ["c", "a", "b"]


@pytest.mark.parametrize("cells", [[None] * 24, [f"n{i}" for i in range(24)]])
def test_a_category_without_countable_levels_is_refused_or_constant(cells, monkeypatch):
    monkeypatch.setattr(categories, "MOST", 10)
    frame = pd.DataFrame(
        {"plain": np.linspace(0, 1, 24), "c": pd.Series(cells, dtype=str)}
    )
    try:
        back = there_and_back(frame, kinds={"c": "category"})
    except DataError as error:
        assert "'c'" in str(error)  # noqa: PT017 - either is right
    else:
        assert back["c"].isna().all()


def test_rows_of_an_array_of_objects_come_back():
    cells = np.array([[1.5, "a"], [2.5, "b"]] * 12, dtype=object)
    table, rows, origin = learned(pd.DataFrame(cells).infer_objects())
    columns = table.decode(table.encode(rows).x.numpy(), rows)
    back = like(origin._replace(backend=None), origin, columns)
    assert back.dtype == object
    assert back[:, 1].tolist() == cells[:, 1].tolist()


def test_cells_that_keep_a_column_from_being_numbers_are_named():
    words = [f"{0.5 + k}" for k in range(99)] + ["1.299,00"]
    columns = {"b": np.arange(100) % 7, "c": np.arange(100) % 3}
    table = pd.DataFrame({"amount": words, **columns})
    told = "99 of 100 cells are numbers; others: '1.299,00'.*Mend or empty the cells"
    with pytest.warns(IsthmusWarning, match=told):
        isthmus.Autoencoder(size=1, epochs=1, verbose=0).fit(table)
