"""Columns of every type: learned, turned into entries, and given back as they were."""

import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.data import categories, sample
from isthmus.data.dialect import MISSING
from isthmus.data.frames import open_frame
from isthmus.data.kinds import Columns
from isthmus.data.learner import TableLearner
from isthmus.data.rows import Column, Rows
from isthmus.data.table import Table
from isthmus.errors import DataError
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


# ----------------------------------------------------------------------- there and back


@st.composite
def integers(draw, cells, n):
    """Whole numbers that float64 holds, not too far from one another for float32."""
    kind = draw(st.sampled_from(INTEGERS))
    info = np.iinfo(kind)
    low = draw(st.integers(max(info.min, -(2**52)), min(info.max, 2**52)))
    return pa.array(cells(st.integers(low, min(info.max, low + 2**18)), n), kind)


@st.composite
def dictionaries(draw, cells, n):
    levels = draw(st.lists(WORDS, min_size=1, max_size=5, unique=True))
    index = cells(st.integers(0, len(levels) - 1), n)
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), levels)


@st.composite
def moments(draw, cells, n):
    unit = draw(st.sampled_from(sorted(UNITS)))
    zone = draw(st.sampled_from([None, "UTC", "Europe/Rome", "Asia/Kathmandu"]))
    made = pa.array(cells(st.datetimes(*MOMENTS), n), pa.timestamp("us"))
    return made.cast(pa.timestamp(unit), safe=False).cast(pa.timestamp(unit, zone))


@st.composite
def spans(draw, cells, n):
    unit = draw(st.sampled_from(sorted(UNITS)))
    times = st.timedeltas(dt.timedelta(-3000), dt.timedelta(3000))
    return pa.array(cells(times, n), pa.duration("us")).cast(
        pa.duration(unit), safe=False
    )


@st.composite
def texts(draw, cells, n):
    """Words of any script; one of them is no number, no time and not missing."""
    words = WORDS.filter(lambda word: word.strip() not in MISSING)
    levels = [*draw(st.lists(words, max_size=5)), "\u01d8"]
    return pa.array([*cells(st.sampled_from(levels), n - 1), "\u01d8"])


COLUMNS = {
    "float64": lambda cells, n: pa.array(
        cells(st.floats(-1e9, 1e9).map(lambda v: round(v, 9)), n), pa.float64()
    ),
    "float32": lambda cells, n: pa.array(
        cells(st.floats(-1e9, 1e9, width=32), n), pa.float32()
    ),
    "bool": lambda cells, n: pa.array(cells(st.booleans(), n), pa.bool_()),
    "date": lambda cells, n: pa.array(cells(st.dates(*DATES), n), pa.date32()),
    "constant": lambda cells, n: pa.array(cells(st.just(0.1), n), pa.float64()),
    "identifier": lambda _, n: pa.array([f"k{i}" for i in range(n)]),
    "integer": integers,
    "dictionary": dictionaries,
    "datetime": moments,
    "duration": spans,
    "text": texts,
}


@st.composite
def tables(draw, kind):
    """Arrow tables with a column or two of a kind, beside a plain one."""
    n = draw(st.integers(21, 25))

    def cells(elements, count):
        if draw(st.booleans()):
            elements = st.none() | elements
        return draw(st.lists(elements, min_size=count, max_size=count))

    def column():
        made = COLUMNS[kind](cells, n)
        return made if isinstance(made, pa.Array) else draw(made)

    columns = {f"c{j}": column() for j in range(draw(st.integers(1, 2)))}
    return pa.table({"plain": np.linspace(0, 1, n), **columns})


def plain(column):
    """Cells of an Arrow column that are comparable, None where missing."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        column = column.cast(pa.int64())
    return [None if cell != cell else cell for cell in column.to_pylist()]  # noqa: PLR0124


def tolerance(kind, cells):
    """How far a cell may be off: float32 of the range; 0.02 s for moments."""
    if pa.types.is_timestamp(kind):
        return 0.02 * UNITS[kind.unit] + 1
    if pa.types.is_floating(kind) or pa.types.is_duration(kind):
        return 3e-6 * (max(cells) - min(cells)) + pa.types.is_duration(kind)
    return 0


def assert_equal_cells(now, was):
    assert now.column_names == was.column_names
    for name in was.column_names:
        pairs = zip(plain(now[name]), plain(was[name]), strict=True)
        seen = [pair for pair in pairs if pair[1] is not None]
        if (bound := seen and tolerance(was[name].type, [old for _, old in seen])) == 0:
            assert all(new == old for new, old in seen)
        elif seen:
            assert max(abs(new - old) for new, old in seen) <= bound


few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
every_kind = pytest.mark.parametrize("kind", COLUMNS)


@every_kind
@few
@given(data=st.data())
def test_a_pandas_frame_comes_back(kind, data):
    frame = data.draw(tables(kind)).to_pandas()
    frame.index = np.arange(len(frame))[::-1] * 3
    back = there_and_back(frame)
    assert list(back.dtypes) == list(frame.dtypes)
    assert back.index.equals(frame.index)
    assert_equal_cells(pa.table(back), pa.table(frame))


@every_kind
@few
@given(data=st.data())
def test_a_polars_frame_comes_back(kind, data):
    frame = pl.from_arrow(data.draw(tables(kind)))
    back = there_and_back(frame)
    assert back.schema == frame.schema
    assert_equal_cells(back.to_arrow(), frame.to_arrow())


@every_kind
@few
@given(data=st.data())
def test_an_arrow_table_comes_back(kind, data):
    table = data.draw(tables(kind))
    back = there_and_back(table)
    assert back.schema == table.schema
    assert_equal_cells(back, table)


TWO = {
    "Int64": pd.array([3, None] * 12, "Int64"),
    "Float32": pd.array([0.5, None, 2.5] * 8, "Float32"),
    "boolean": pd.array([True, None, False] * 8, "boolean"),
    "string": pd.array(["a", None, "b"] * 8, "string"),
    "object": pd.Series(["a", None, "b"] * 8, dtype=object),
    "ordered": pd.Categorical(
        ["low", "high"] * 12, ["low", "no", "high"], ordered=True
    ),
    "category of integers": pd.Categorical([3, 7, None] * 8, [9, 7, 3]),
    "category of floats": pd.Categorical([0.5, 7, None] * 8),
    "category of booleans": pd.Categorical([True, False, None] * 8),
    "category of days": pd.Categorical(
        pd.to_datetime(["2020-02-29", "2021-07-01"] * 12)
    ),
    "category of moments": pd.Categorical(
        pd.to_datetime(["2020-02-29", "2021-07-01"] * 12).tz_localize("Europe/Rome")
    ),
    "category of both": pd.Categorical(pd.Series([1, "a"] * 12, dtype=object)),
    "category of one": pd.Categorical(["a"] * 24, ["b", "a"]),
    "category of words": pd.Categorical(["NA", "", "1", "01"] * 6),
    "intervals": pd.cut([1, 2, 3] * 8, 3),
    "time": [dt.time(i, 2 * i) for i in range(24)],
    "arrow": pd.array([3, None] * 12, pd.ArrowDtype(pa.int32())),
    "half": np.arange(24, dtype="float16"),
    "days": [dt.date(2020, 1, 1 + i % 9) for i in range(24)],
}


@pytest.mark.parametrize("name", TWO)
def test_every_type_of_pandas_comes_back(name):
    frame = pd.DataFrame({"plain": np.linspace(0, 1, 24), "c": TWO[name]})
    back = there_and_back(frame)["c"]
    seen = frame["c"].notna()
    assert back.dtype == frame["c"].dtype
    pd.testing.assert_series_equal(back[seen], frame["c"][seen], atol=1e-5)


ARROW = {
    "ordered": pa.DictionaryArray.from_arrays([0, 1] * 12, ["a", "b"], ordered=True),
    "narrow": pa.array(["a", "b"] * 12)
    .dictionary_encode()
    .cast(pa.dictionary(pa.int8(), pa.string())),
    "seconds": pa.array([dt.time(i) for i in range(24)], pa.time32("s")),
    "decimal": pa.array(range(24), pa.int64()).cast(pa.decimal256(40, 2)),
    "view": pa.array(["a", "b"] * 12, pa.string_view()),
    "nothing": pa.nulls(24),
    "fixed offset": pa.array(range(24), pa.timestamp("s", "+02:00")),
}


@pytest.mark.parametrize("name", ARROW)
def test_every_type_of_arrow_comes_back(name):
    table = pa.table({"plain": np.linspace(0, 1, 24), "c": ARROW[name]})
    assert there_and_back(table)["c"].equals(table["c"])


@pytest.mark.parametrize(
    "cells",
    [
        pl.Series(["b", "a"] * 12, dtype=pl.Enum(["a", "z", "b"])),
        pl.Series([5, -9] * 12, dtype=pl.Int128),
    ],
    ids=["enum", "wide"],
)
def test_special_types_of_polars_come_back(cells):
    frame = pl.DataFrame({"plain": np.linspace(0, 1, 24), "c": cells})
    assert there_and_back(frame)["c"].equals(frame["c"])


@pytest.mark.parametrize("cell", [b"a", [1], {"a": 1}, 1j], ids=repr)
def test_cells_that_are_no_number_text_or_time_are_refused_by_name(cell):
    frame = pd.DataFrame({"plain": np.linspace(0, 1, 24), "odd": [cell] * 24})
    with pytest.raises(DataError, match="Column 'odd' holds"):
        learned(frame)


@given(st.lists(st.integers(-(2**22), 2**22), max_size=30))
def test_integers_without_outliers_come_back_from_a_range_of_two_to_the_23(numbers):
    evenly = np.linspace(-(2**22), 2**22, 99)
    frame = pd.DataFrame({"c": np.concatenate([numbers, evenly]).astype("int32")})
    pd.testing.assert_frame_equal(there_and_back(frame), frame)


# ---------------------------------------------------------------------------- same bits

TYPED = (
    Column("number", "float", "double"),
    Column("when", "datetime", "timestamp[us]"),
    Column("whole", "integer", "int64"),
    Column("word", "text", "string"),
)
CELL = st.tuples(
    st.one_of(st.just(math.nan), st.floats(-10, 10), st.sampled_from([0.0, -0.0])),
    st.sampled_from([0.0, 1e9, 3600.5, math.nan]),
    st.integers(0, 3),
    st.sampled_from([None, "a", "c", "d", "e f g h i j k l m"]),
)


def rows_of(cells):
    numbers = np.array([row[:3] for row in cells], dtype=float).reshape(-1, 3)
    words = pa.array([row[3] for row in cells], pa.string())
    return Rows(TYPED, numbers, {"word": pa.chunked_array([words])})


def learn(pieces, *, merge):
    whole = TableLearner(TYPED)
    for piece in pieces:
        if merge:
            whole.merge(TableLearner(TYPED).update(piece))
        else:
            whole.update(piece)
    return whole.finish().to_dict()


def assert_pieces_are_the_whole(cells, chance, *, merge):
    shuffled = chance.sample(cells, len(cells))
    cuts = sorted(chance.randrange(len(cells) + 1) for _ in range(3))
    spans = zip([0, *cuts], [*cuts, len(cells)], strict=True)
    pieces = [rows_of(shuffled[a:b]) for a, b in spans]
    assert learn(pieces, merge=merge) == learn([rows_of(cells)], merge=False)


CELL_LISTS = st.lists(CELL, min_size=2, max_size=20)


@given(CELL_LISTS, st.randoms(use_true_random=False), st.booleans())
def test_learning_in_pieces_is_learning_at_once(cells, chance, merge):
    assert_pieces_are_the_whole(cells, chance, merge=merge)


@given(CELL_LISTS, st.randoms(use_true_random=False), st.booleans())
def test_so_it_is_with_more_rows_than_the_sample_holds(cells, chance, merge):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CELLS", "FEWEST", "MOST"):
            patch.setattr(sample, name, 4)
        assert_pieces_are_the_whole(cells, chance, merge=merge)


@given(CELL_LISTS, st.randoms(use_true_random=False), st.booleans())
def test_so_it_is_with_more_levels_than_are_counted(cells, chance, merge):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(categories, "MOST", 2)
        assert_pieces_are_the_whole(cells, chance, merge=merge)


def test_a_column_hardly_ever_seen_is_learned_though_the_sample_missed_it(monkeypatch):
    for name in ("CELLS", "FEWEST", "MOST"):
        monkeypatch.setattr(sample, name, 8)
    values = np.full((500, 2), np.nan)
    values[:, 0], values[:2, 1] = np.arange(500), [1, 3]
    rows = Rows.of(values, ["often", "seldom"])
    table = TableLearner(rows.columns).update(rows).finish()
    assert table.encode(rows).x.isfinite().all()


@given(CELL_LISTS)
def test_plain_data_keep_every_bit(cells):
    rows = rows_of(cells)
    table = TableLearner(TYPED).update(rows).finish()
    again = Table.from_dict(json.loads(json.dumps(table.to_dict())))
    assert again.to_dict() == table.to_dict()
    assert torch.equal(again.encode(rows).x, table.encode(rows).x)
