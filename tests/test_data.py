"""From containers and files to batches and back: exact sums, exact returns."""

import gzip
import json
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.data.exact import ExactSum, Moments
from isthmus.data.files import read_table, write_table
from isthmus.data.frames import like, open_frame
from isthmus.data.learner import TableLearner
from isthmus.data.numbers import CHANGED, CLIP, KNEE
from isthmus.data.rows import Rows
from isthmus.data.table import Table
from isthmus.errors import DataError

ANY_FINITE = st.floats(allow_nan=False, allow_infinity=False)
SQUARABLE = st.floats(-1e150, 1e150)
CELLS = st.one_of(SQUARABLE, st.just(math.nan))


def columns_of(cells):
    """Tables of one to twenty rows and two columns."""
    return st.integers(1, 20).flatmap(lambda n: arrays(float, (n, 2), elements=cells))


def pieces_of(table, chance):
    """The rows in another order, cut somewhere."""
    order = chance.permutation(len(table))
    cuts = np.sort(chance.integers(0, len(table) + 1, size=3))
    return np.split(table[order], cuts)


# ------------------------------------------------------------------------- exact sums


@given(st.lists(ANY_FINITE, max_size=30))
def test_a_sum_is_exact(numbers):
    total = ExactSum(1)
    total.update(np.array(numbers).reshape(-1, 1), np.array([0]))
    assert total.total(0) == sum(map(Fraction, numbers), Fraction(0))


@given(st.lists(st.floats(-1e300, 1e300), max_size=30))
def test_a_rounded_sum_is_that_of_fsum(numbers):
    total = ExactSum(1)
    total.update(np.array(numbers).reshape(-1, 1), np.array([0]))
    assert float(total.total(0)) == math.fsum(numbers)


@given(columns_of(ANY_FINITE), st.randoms())
def test_no_order_and_no_cut_changes_a_sum(table, chance):
    whole, merged = ExactSum(2), ExactSum(2)
    whole.update(table, np.arange(2))
    for piece in pieces_of(table, np.random.default_rng(chance.randrange(9**9))):
        part = ExactSum(2)
        part.update(piece, np.arange(2))
        merged.merge(part)
    assert [merged.total(j) for j in (0, 1)] == [whole.total(j) for j in (0, 1)]


FIGURES = ("count", "smallest", "largest", "whole")


def figures(moments):
    found = [getattr(moments, name) for name in FIGURES]
    columns = list(range(len(moments.count)))
    return [*found, moments.mean(columns), moments.deviation(columns)]


@given(columns_of(CELLS), st.randoms())
def test_no_order_and_no_cut_changes_a_moment(table, chance):
    whole, merged = Moments(2), Moments(2)
    whole.update(table)
    for piece in pieces_of(table, np.random.default_rng(chance.randrange(9**9))):
        part = Moments(2)
        part.update(piece)
        merged.merge(part)
    for one, two in zip(figures(merged), figures(whole), strict=True):
        np.testing.assert_array_equal(one, two)


MAGNITUDES = st.one_of(st.just(0.0), st.floats(1e-100, 1e150), st.floats(-1e9, -1e-9))


@given(columns_of(MAGNITUDES))
def test_moments_are_the_exact_ones_rounded_once(table):
    moments = Moments(2)
    moments.update(table)
    for j in (0, 1):
        numbers = [Fraction(x) for x in table[:, j]]
        mean = sum(numbers) / len(numbers)
        variance = sum((x - mean) ** 2 for x in numbers) / len(numbers)
        assert moments.mean([j]) == float(mean)
        assert moments.deviation([j]) == math.sqrt(variance)


@given(CELLS, st.integers(1, 9))
@example(4.329664661005749e-151, 7)  # its square is no exact sum of two numbers
def test_copies_of_a_number_do_not_deviate(number, n):
    moments = Moments(1)
    moments.update(np.full((n, 1), number))
    assert moments.deviation([0]) == 0
    assert moments.mean([0]) == (0 if math.isnan(number) else number)


def test_missing_cells_are_not_counted():
    moments = Moments(2)
    moments.update(np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]]))
    assert moments.count.tolist() == [2, 0]
    assert moments.mean([0, 1]).tolist() == [2, 0]
    assert moments.deviation([1, 0]).tolist() == [0, 1]


# -------------------------------------------------------------------------- converters


def rows_of(values):
    return Rows.of(values, [f"c{j}" for j in range(values.shape[1])])


def learner(columns=2, content="real", *, robust=True):
    rows = rows_of(np.empty((0, columns)))
    return TableLearner(rows.columns, content, robust=robust)


def table_of(values, content="real", *, robust=True):
    made = learner(values.shape[1], content, robust=robust)
    return made.update(rows_of(values)).finish()


def entries_of(table, values):
    return table.encode(rows_of(values)).x


@pytest.mark.parametrize("robust", [True, False])
@given(columns_of(st.floats(-1e6, 1e6).map(lambda v: v if abs(v) > 1e-140 else 0.0)))
def test_rows_come_back_in_their_units(robust, table):
    converter = table_of(table, robust=robust)
    back = converter.numbers(entries_of(converter, table).numpy())
    size = np.abs(table).max(axis=0)
    assert (np.abs(back - table) <= 3e-6 * size).all()


@pytest.mark.parametrize("robust", [True, False])
def test_real_columns_get_mean_0_and_deviation_1(robust):
    data = np.random.default_rng(0).normal(5, 3, size=(500, 2)) * [1, 1e6]
    x = entries_of(table_of(data, robust=robust), data).double()
    torch.testing.assert_close(x.mean(0), torch.zeros(2).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(2).double())


# does not hold yet: the least spread is a share of the far cell
@pytest.mark.parametrize("far", [1e5, 1e30])
def test_one_far_cell_does_not_squeeze_the_others(far):
    data = np.random.default_rng(0).normal(size=(500, 1))
    others = slice(1, None)
    plain = entries_of(table_of(data), data)[others]
    data[0] = far
    robust = entries_of(table_of(data), data)
    assert robust[0] > robust[others].max()
    assert robust[others].std() > 0.2 * plain.std()
    assert entries_of(table_of(data, robust=False), data)[others].std() < 1e-3


def test_beyond_the_knee_entries_grow_with_the_logarithm():
    data = np.random.default_rng(0).normal(size=(5000, 1))
    far = np.array([[KNEE], [KNEE + math.e - 1], [KNEE + math.e**2 - 1]])
    (part,) = table_of(data).parts
    part.center[:], part.spread[:], part.shift[:], part.scale[:] = 0, 1, 0, 1
    part.low[:], part.high[:] = -40, 0
    np.testing.assert_allclose(part.encode(far)[:, 0], [KNEE, KNEE + 1, KNEE + 2])
    np.testing.assert_allclose(part.decode(part.encode(-far)), -far, rtol=1e-5)


def test_what_is_rebuilt_lies_as_far_out_again_at_most():
    """An error of an entry beyond the knee is one of a logarithm."""
    data = np.random.default_rng(0).lognormal(sigma=3, size=(500, 1))
    (part,) = table_of(data).parts
    entries = np.linspace(-50, 50, 101, dtype=np.float32)[:, None]
    rebuilt, width = part.decode(entries), np.ptp(data)
    assert rebuilt.max() == data.max() + width
    assert rebuilt.min() == data.min() - width
    assert (np.diff(rebuilt[:, 0]) >= 0).all()
    np.testing.assert_allclose(part.decode(part.encode(data)), data, atol=1e-3 * width)


@pytest.mark.parametrize(
    ("column", "expected"),
    [([0, 0.5, 1], [0, 0.5, 1]), ([-2, 0, 2], [0, 0.5, 1]), ([7, 7, 7], [0, 0, 0])],
    ids=str,
)
def test_unit_columns_are_brought_between_0_and_1_only_if_need_be(column, expected):
    data = np.array(column, dtype=float)[:, None]
    converter = table_of(data, "unit")
    x = entries_of(converter, data)
    assert x[:, 0].tolist() == expected
    np.testing.assert_array_equal(converter.numbers(x.numpy()), data)


def test_missing_cells_are_invisible_zeros():
    data = np.array([[1.0, 2.0], [np.nan, 4.0], [3.0, np.nan]])
    batch = table_of(data).encode(rows_of(data))
    assert batch.visible.tolist() == [[1, 1], [0, 1], [1, 0]]
    assert batch.x[1, 0] == batch.x[2, 1] == 0


def test_a_far_cell_is_brought_back():
    data = np.random.default_rng(0).normal(size=(50, 1))
    far = np.array([[1e140], [-1e140], [np.nan]])
    assert entries_of(table_of(data, robust=False), far)[:, 0].tolist() == [
        CLIP,
        -CLIP,
        0,
    ]
    assert entries_of(table_of(data), far).abs().max() < 1000


def test_a_scale_of_next_to_nothing_overflows_in_silence():
    data = np.random.default_rng(0).normal(size=(50, 1)) * 1e-140
    far = np.array([[1e140]])
    assert entries_of(table_of(data, robust=False), far) == CLIP
    assert entries_of(table_of(data), far) <= CLIP


@pytest.mark.filterwarnings("ignore:Not seen in fitting")
def test_what_changed_in_a_constant_column_is_told_apart_but_not_loud():
    table = table_of(np.full((9, 1), 7.0))
    x = entries_of(table, np.array([[7.0], [8.0], [-1e9], [1e9]]))[:, 0].tolist()
    assert x[0] == 0
    assert 0 < x[1] <= CHANGED
    assert x[2:] == [-CHANGED, CHANGED]


@given(columns_of(CELLS), st.randoms())
def test_learning_in_pieces_is_learning_at_once(table, chance):
    merged = learner()
    for piece in pieces_of(table, np.random.default_rng(chance.randrange(9**9))):
        merged.merge(learner().update(rows_of(piece)))
    assert merged.finish().to_dict() == table_of(table).to_dict()


@given(columns_of(CELLS))
def test_plain_data_keep_every_bit(table):
    converter = table_of(table)
    plain = json.loads(json.dumps(converter.to_dict()))
    again = Table.from_dict(plain)
    assert again.to_dict() == converter.to_dict()
    assert torch.equal(entries_of(again, table), entries_of(converter, table))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e151])
def test_an_infinite_cell_is_named(value):
    data = np.zeros((3, 2))
    data[2, 1] = value
    with pytest.raises(DataError, match=r"column 'c1' holds .* in row 2"):
        table_of(data)


@pytest.mark.parametrize("value", [-1.0, 0.5])
def test_what_is_no_count_is_named(value):
    data = np.ones((3, 2))
    data[1, 1] = value
    with pytest.raises(DataError, match="Column 'c1' must hold the numbers 0, 1, 2"):
        table_of(data, "count")
    with pytest.raises(DataError, match=r"Column 'c1' holds .* in row 1"):
        entries_of(table_of(np.ones((3, 2)), "count"), data)


# ------------------------------------------------------------------------ containers

PLAIN = {"a": [1.5, None, 3.0], "b": [1, 2, 3], "c": [True, False, True]}
NUMBERS = np.array([[1.5, 1, 1], [np.nan, 2, 0], [3, 3, 1]])
FRAMES = {
    "pandas": pd.DataFrame(PLAIN, index=[7, 3, 5]),
    "polars": pl.DataFrame(PLAIN),
    "pyarrow": pa.table(PLAIN),
}


def columns_by_name(values, names=("a", "b", "c")):
    return {str(name): values[:, j] for j, name in enumerate(names)}


@pytest.mark.parametrize("backend", FRAMES)
def test_every_frame_holds_the_same_numbers(backend):
    rows, origin = open_frame(FRAMES[backend], {})
    np.testing.assert_array_equal(rows.numbers, NUMBERS)
    assert [column.type for column in rows.columns] == ["float", "integer", "boolean"]
    assert origin.backend == backend
    assert origin.names == ("a", "b", "c")


@pytest.mark.parametrize("backend", FRAMES)
def test_numbers_return_in_their_frame(backend):
    rows, origin = open_frame(FRAMES[backend], {})
    back = like(origin, origin, columns_by_name(rows.numbers))
    assert type(back) is type(FRAMES[backend])
    again, _ = open_frame(back, {})
    np.testing.assert_array_equal(again.numbers, rows.numbers)


def test_the_index_of_pandas_is_kept():
    rows, origin = open_frame(FRAMES["pandas"], {})
    back = like(origin, origin, columns_by_name(rows.numbers))
    assert back.index.tolist() == [7, 3, 5]


def test_names_that_are_no_text_are_kept():
    frame = pd.DataFrame(np.eye(2), columns=[4, 2])
    rows, origin = open_frame(frame, {})
    back = like(origin, origin, columns_by_name(rows.numbers, [4, 2]))
    pd.testing.assert_frame_equal(back, frame)


def test_whatever_speaks_arrow_is_a_table():
    class Foreign:
        def __arrow_c_stream__(self, requested_schema=None):
            return FRAMES["pyarrow"].__arrow_c_stream__(requested_schema)

    rows, _ = open_frame(Foreign(), {})
    np.testing.assert_array_equal(rows.numbers, NUMBERS)


def test_repeated_names_are_refused():
    frame = pd.DataFrame(np.eye(2), columns=["a", "a"])
    with pytest.raises((DataError, ValueError), match=r"'?a'?"):
        open_frame(frame, {})


# does not hold yet: the second column replaces the first
def test_names_that_are_the_same_as_text_are_refused():
    frame = pd.DataFrame(np.eye(2), columns=[1, "1"])
    with pytest.raises(DataError, match="'1'"):
        open_frame(frame, {})


# ----------------------------------------------------------------------------- files

TABLE = pa.table(
    {"a": [1.5, None, -3e-300], "b": [1, 2, 3], "naïve, ": [0.1, 0.2, 0.3]}
)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz", "TSV", "parquet", "pq"])
def test_a_table_survives_a_file(suffix, tmp_path):
    path = tmp_path / f"table.{suffix}"
    write_table(TABLE, path)
    assert read_table(path).equals(TABLE)


def test_a_compressed_file_is_read(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_table(path).to_pydict() == {"a": [1], "b": [2]}


BAD = {
    "empty.csv": b"",
    "header only.csv": b"a,b\n",
    "ragged.csv": b"a,b\n1,2\n1,2,3\n",
    "twice.csv": b"a,a\n1,2\n",
    "torn.csv.gz": gzip.compress(b"a\n" + bytes(1000))[:20],
    "empty.parquet": b"",
    "junk.parquet": b"PAR1" + bytes(30) + b"PAR1",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BAD[name])
    with pytest.raises(DataError, match=name):
        read_table(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: there is no such file"):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (pa.table([[1], [2]], names=["a", "a"]), "more than one column is called 'a'"),
        (pa.table({"a": pa.array([], pa.float64())}), "no row"),
    ],
)
def test_parquet_is_checked_as_csv_is(table, complaint, tmp_path):
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match=complaint):
        read_table(tmp_path / "x.parquet")
