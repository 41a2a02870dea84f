"""One dialect of CSV: every line of docs/csv.md, and laws that pieces obey."""

import bz2
import csv
import datetime as dt
import functools
import gzip
import io
import itertools
import re
import sys
import types
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from isthmus.data import delimited, files
from isthmus.data.dialect import MISSING, TYPES, join, parse, type_of, typed
from isthmus.data.files import read_table, write_table
from isthmus.errors import DataError, IsthmusWarning

PAGE = Path(__file__).parent.parent / "docs" / "csv.md"
LINE = re.compile(r"^\| (.+?) +\| .+ \|$", re.MULTILINE)
INF = float("inf")


def text(*cells, kind=pa.string()):  # noqa: B008 - a data type does not change
    return pa.chunked_array([pa.array(cells, kind)])


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


# --------------------------------------------------------------- the page, line by line

MIDNIGHT, NOON = utc(2024, 12, 31), utc(2024, 12, 31, 12)
NEW_YEAR = dt.date(2024, 12, 31)
NO_CELL = (
    "an empty cell; `NA`, `N/A`, `n/a`, `#N/A`, `#NA`, `#N/A N/A`, `<NA>`, `NaN`, "
    "`nan`, `-NaN`, `-nan`, `NaT`, `NULL`, `null`, `None`, `?`, `1.#IND`, `-1.#IND`, "
    "`1.#QNAN`, `-1.#QNAN`"
)
CELLS = [  # (line of the page, words of a column, its type, its values if they differ)
    ("`1`, `-7`, `-0`", ["1", "-7", "-0"], "integer", [1, -7, 0]),
    ("`1`, `-7`, `-0`", [str(-(2**63)), "0"], "integer", [-(2**63), 0]),
    ("an integer beyond 64 bits", [str(2**63), "1"], "float", [2.0**63, 1.0]),
    ("an integer beyond 64 bits", [str(-(2**63) - 1)], "float", [-(2.0**63)]),
    ("`1.5`, `.5`, `5.`, `-1e-5`", ["1.5", ".5", "5."], "float", [1.5, 0.5, 5.0]),
    ("`1.5`, `.5`, `5.`, `-1e-5`", ["-1e-5", "1E+05"], "float", [-1e-5, 1e5]),
    ("`1.5`, `.5`, `5.`, `-1e-5`", ["1", "1.5", "NA"], "float", [1.0, 1.5, None]),
    ("`inf`, `-Infinity`, `1e999`", ["inf", "-Infinity"], "float", [INF, -INF]),
    ("`inf`, `-Infinity`, `1e999`", ["1e999", "-1e999"], "float", [INF, -INF]),
    ("`inf`, `-Infinity`, `1e999`", ["Inf", "-INF"], "float", [INF, -INF]),
    ("`1e-999`", ["1e-999"], "float", [0.0]),
    ("` 7 `", [" 7 ", "7\t", "\u00a07"], "integer", [7, 7, 7]),
    ("` 7 `", [" true"], "boolean", [True]),
    ("` 7 `", [" 2024-12-31 "], "date", [NEW_YEAR]),
    ("`007`, `00.5`", ["007", "1"], "text"),
    ("`007`, `00.5`", ["00.5", "1.5"], "text"),
    *(("`+5`, `0x1F`, `1_000`, `5%`", [w, "1"], "text") for w in ("+5", "0x1F")),
    *(("`+5`, `0x1F`, `1_000`, `5%`", [w, "1"], "text") for w in ("1_000", "5%")),
    *(("`1,5` or `1,000` in one cell", [w, "1"], "text") for w in ("1,5", "1,000")),
    (
        "`true`, `True`, `TRUE`, `false`, `False`, `FALSE`",
        ["true", "True", "TRUE", "false", "False", "FALSE", "NA"],
        "boolean",
        [True, True, True, False, False, False, None],
    ),
    ("`yes`, `no`; `true` among numbers", ["yes", "no"], "text"),
    ("`yes`, `no`; `true` among numbers", ["true", "1"], "text"),
    *((NO_CELL, [w, "1", "1.5"], "float", [None, 1, 1.5]) for w in MISSING),
    *((NO_CELL, [f" {w}\t", "a"], "text", [None, "a"]) for w in MISSING),
    *(
        ("`none`, `NAN`, `-`, `.`, `-999`", [w, "1"], "text")
        for w in ("none", "NAN", "-", ".")
    ),
    ("`none`, `NAN`, `-`, `.`, `-999`", ["-999", "1"], "integer", [-999, 1]),
    ("nothing but missing cells", ["", "NA", "?"], "empty", [None] * 3),
    ("`2024-12-31`", ["2024-12-31", "NaT"], "date", [NEW_YEAR, None]),
    *(
        (
            "`2024-12-31 23:59`, `2024-12-31T23:59:59.5`",
            [word],
            "datetime",
            [time.replace(tzinfo=None)],
        )
        for word, time in {
            "2024-12-31 12:00": NOON,
            "2024-12-31T12:00": NOON,
            "2024-12-31 12:00:00": NOON,
            "2024-12-31T23:59:59.5": utc(2024, 12, 31, 23, 59, 59, 500_000),
        }.items()
    ),
    *(
        ("`2024-12-31T23:59Z`, `2024-12-31 23:59:59+02:00`", [w], "instant", [NOON])
        for w in (
            *("2024-12-31T12:00Z", "2024-12-31 14:00:00+02:00"),
            *("2024-12-31 10:30:00.000-0130", "2024-12-31T13:00+01"),
        )
    ),
    (
        "dates and times in one column",
        ["2024-12-31", "2024-12-31 12:00", "2024-12-31T12:00Z"],
        "instant",
        [MIDNIGHT, NOON, NOON],
    ),
    *(
        ("more than six digits behind the second", [word], "instant", [time])
        for word, time in {
            "2024-12-31 00:00:00.123456789Z": MIDNIGHT.replace(microsecond=123_456),
            "2024-12-31 00:00:00.9999999Z": MIDNIGHT.replace(microsecond=999_999),
        }.items()
    ),
    *(
        ("`31.12.2024`, `12/31/2024`, `2024-02-30`, `0999-12-31`", [w, w], "text")
        for w in ("31.12.2024", "12/31/2024", "2024-02-30", "0999-12-31")
    ),
    ("` a b ` and whatever else", [" a b ", "Δ", "\u0131nf", "a"], "text"),
]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [(c[1], c[2], [*c, c[1]][3]) for c in CELLS],
    ids=[f"{c[2]}-{','.join(c[1])}" for c in CELLS],
)
def test_cells(cells, kind, values, tmp_path):
    assert type_of(text(*cells)) == kind
    parsed = parse(text(*cells), kind, "a")
    assert parsed.to_pylist() == values
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
            [["a"], *([c] for c in cells)]
        )
    expected = pa.table({"a": parsed})
    polars = pl.DataFrame({"a": cells})
    for table in (
        pa.Table.from_pandas(pd.DataFrame({"a": cells}, dtype="str")),
        pa.Table.from_pandas(pd.DataFrame({"a": cells}, dtype=object)),
        polars.to_arrow(),
        pa.table(polars),  # string views
    ):
        assert typed(table).equals(expected)
    assert read_table(path).equals(expected)


def test_every_line_of_the_page_is_tested():
    page = PAGE.read_text(encoding="utf-8")
    heads = {"in the column", "in the file", "in a Parquet file", "written", "---"}
    lines = set(LINE.findall(page)) - heads
    assert lines == {case[0] for case in CELLS} | FILES.keys() | set(LINES)
    assert all(f"`{word}`" in NO_CELL for word in MISSING if word)


AB = {"a": [1, 3], "b": [2, 4]}
ROWS = b"a,b\n1,2\n3,4\n"
E_ACUTE = {"é": ["ü"], "b": [1]}
TEXT = "é,b\nü,1\n"
FILES = {  # line of the page: contents, and the columns or the complaint
    "lines that end in `\\n`, `\\r\\n` or `\\r`": [
        *((ROWS.replace(b"\n", end), AB) for end in (b"\n", b"\r\n", b"\r")),
        (b"a,b\n1,2\n3,4", AB),
    ],
    'marks, line ends or `""` in a quoted cell': [
        (
            b'a,b\n"x,y\nz",1\n"say ""hi""",2\n',
            {"a": ["x,y\nz", 'say "hi"'], "b": [1, 2]},
        ),
        (b'"a\n1","b,"\n1,2\n', {"a\n1": [1], "b,": [2]}),
    ],
    '`5" pipe`': [(b'a,b\n5" pipe,1\n', {"a": ['5" pipe'], "b": [1]})],
    "a quote that is never closed": [
        (b'a,b\n1,2\n3,"4\n5,6\n', "row that begins in line 3 opens a quote"),
        (b'a,b\n5" pipe,1\n3,"4\n5,6\n', "row that begins in line 3 opens a quote"),
        (b'a,b\n1,2\n3,"', "row that begins in line 3 opens a quote"),
        (b'a,"b\n1,2\n', "row that begins in line 1 opens a quote"),
    ],
    "a row with more or fewer cells than the header, also the first": [
        (b"a,b\n1,2,9\n3,4\n", "line 2 has 3 cells, and the header has 2"),
        (b"a,b\n1,2\n3,4,9\n", "line 3 has 3 cells, and the header has 2"),
        (b'a,b\n"1\n2",2\n\n\n3\n', "line 6 has 1 cell, and the header has 2"),
        (b"a\r1\r2,3\r", "line 3 has 2 cells, and the header has 1"),
        (b'a,b\n1,2,"' + bytes(200_000).replace(b"\0", b"x") + b'"', "line 2 has 3"),
    ],
    "a blank line": [
        (b"\n\na,b\n\n1,2\n\n\n3,4\n\n", AB),
        (b"a\n1\n\n3\n", {"a": [1, None, 3]}),
    ],
    "two columns of one name": [(b"a,b,a\n1,2,3\n", "than one column is called 'a'")],
    "a column without a name": [
        (b",a\n0,1\n", "column 1 of 2 has no name.*index=False"),
        (b"a, \n0,1\n", "column 2 of 2 has no name"),
    ],
    "a name with blanks around it": [(b"a, b\n1,2\n", {"a": [1], " b": [2]})],
    "UTF-8, with or without a byte-order mark": [
        (TEXT.encode(encoding), E_ACUTE) for encoding in ("utf-8", "utf-8-sig")
    ],
    "UTF-16 with a byte-order mark": [
        (("\ufeff" + TEXT).encode(encoding), E_ACUTE)
        for encoding in ("utf-16-le", "utf-16-be")
    ],
    "bytes that are neither": [
        (b"a,b\n\xff\x81,2\n", "byte 5 is neither UTF-8 nor Windows-1252"),
        (b"\xff\xfea", "byte 2 is neither UTF-8 nor UTF-16"),
    ],
    "a NUL byte": [
        (b"a,b\n1,2\n3,\0\n", "line 3 holds a NUL byte"),
        (TEXT.encode("utf-16-le"), "line 1 holds a NUL byte"),
    ],
    "nothing at all, or only blank lines": [
        *((empty, "is empty") for empty in (b"", b"\n\r\n", b"\xef\xbb\xbf"))
    ],
    "a header without rows": [
        *((header, "no row") for header in (b"a,b", b"a,b\n", b"a,b\n\n", b"a\n"))
    ],
    "a cell of 5 MB": [
        (b"a,b\n1,2\n" + b"x" * (5 * 10**6) + b",4\n", {"a": ["1", "x" * 5 * 10**6]}),
    ],
}


@pytest.mark.parametrize(
    ("content", "answer"),
    [case for cases in FILES.values() for case in cases],
    ids=[
        f"{line[:30]}-{i}" for line, cases in FILES.items() for i in range(len(cases))
    ],
)
def test_files(content, answer, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    if isinstance(answer, str):
        with pytest.raises(DataError, match=rf"x\.csv: .*{answer}"):
            read_table(path)
    else:
        found = read_table(path).to_pydict()
        assert {name: found[name] for name in answer} == answer


LINES = {}


def line(*words):
    """The test answers for this line of the page."""

    def keep(test):
        LINES[" ".join(words)] = test
        return test

    return keep


@line("a categorical column of a frame")
def test_categories_stay():
    words = pa.array(["1", "NA", "1"]).dictionary_encode()
    assert typed(pa.table({"a": words}))["a"].type == words.type
    frame = pd.DataFrame({"a": pd.Categorical(["1", "2"])})
    assert pa.types.is_dictionary(typed(pa.Table.from_pandas(frame))["a"].type)


@line("commas, semicolons, tabs or bars between cells")
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_mark_is_recognised(mark, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(mark.join(["a", '",;,;,|\t|\t|;"', "c\n1", "x", "3\n"]), "utf-8")
    table = read_table(path)
    assert table.column_names == ["a", ",;,;,|\t|\t|;", "c"]
    assert table["c"].to_pylist() == [3]
    path = tmp_path / "x.tsv"
    path.write_text("a,b,c\td\n1\t2\n", "utf-8")
    assert read_table(path).to_pydict() == {"a,b,c": [1], "d": [2]}


@line("bytes that are no UTF-8")
def test_latin_letters_are_read_aloud(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT.encode("latin-1"))
    with pytest.warns(IsthmusWarning, match=r"x\.csv: is not UTF-8.* Windows-1252"):
        assert read_table(path).to_pydict() == E_ACUTE


@line("200,000 columns")
@pytest.mark.slow
def test_many_columns(tmp_path):
    path = tmp_path / "x.csv"
    names = ",".join(f"column {j}" for j in range(200_000))
    path.write_text(f"{names}\n{'1.5,' * 199_999}2\n", "utf-8")
    table = read_table(path)
    assert table.shape == (1, 200_000)
    assert table["column 199999"].to_pylist() == [2]


SQUEEZED = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@line("`.gz`, `.bz2`, `.zst` behind the name")
@pytest.mark.parametrize("suffix", SQUEEZED)
def test_compressed_files_are_unpacked(suffix, tmp_path):
    path = tmp_path / f"x.CSV.{suffix.upper()}"
    path.write_bytes(SQUEEZED[suffix](ROWS))
    assert read_table(path).to_pydict() == AB
    path = tmp_path / f"x.tsv.{suffix}"
    write_table(pa.table(AB), path)
    assert path.read_bytes()[:2] == SQUEEZED[suffix](b"")[:2]
    assert read_table(path).to_pydict() == AB


@line("a compressed file that grows beyond 2 GB and beyond 100 times its size")
@pytest.mark.parametrize("suffix", SQUEEZED)
def test_bombs_are_refused(suffix, tmp_path, monkeypatch):
    assert (files.BUDGET, files.RATIO) == (2 * 2**30, 100)
    monkeypatch.setattr(files, "BUDGET", 10**6)
    path = tmp_path / f"x.csv.{suffix}"
    bomb = b"a\n" + b"1\n" * 10**6
    path.write_bytes(SQUEEZED[suffix](bomb))
    with pytest.raises(DataError, match=r"x\.csv.* grows .*isthmus.data.files.BUDGET"):
        read_table(path)
    monkeypatch.setattr(files, "RATIO", 10**6)
    assert read_table(path).num_rows == 10**6


@line("a compressed file that is torn")
@pytest.mark.parametrize("suffix", SQUEEZED)
@pytest.mark.parametrize("junk", [b"", b"junk", b"\x1f\x8b"])
def test_torn_files_are_refused(suffix, junk, tmp_path):
    path = tmp_path / f"x.csv.{suffix}"
    whole = SQUEEZED[suffix](ROWS * 100)
    path.write_bytes(junk or whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"x\.csv"):
        read_table(path)


def pieces(folder, *contents):
    """Files part-0.csv, part-1.csv, ... and the pattern for them."""
    for i, content in enumerate(contents):
        (folder / f"part-{i}.csv").write_bytes(content)
    return folder / "part-*.csv"


@line('`"data/*.csv"`')
def test_pieces_are_read_in_order_as_one_table(tmp_path):
    pattern = pieces(tmp_path, b"a,b\n1,x\n", b"a,b\n", b"a;b\n2.5;NA\n", b"a,b\n,1\n")
    (tmp_path / "part-5.csv").mkdir()
    table = read_table(pattern)
    assert table.to_pydict() == {"a": [1.0, 2.5, None], "b": ["x", None, "1"]}
    with pytest.raises(DataError, match="there is no such file"):
        read_table(tmp_path / "parts-*.csv")
    with pytest.raises(DataError, match=r"part-\*.csv: there is a header and no row"):
        read_table(pieces(tmp_path, *[b"a,b\n"] * 4))
    (tmp_path / "[1].csv").write_bytes(ROWS)
    assert read_table(tmp_path / "[1].csv").to_pydict() == AB


@line("pieces with their columns in another order")
def test_columns_of_pieces_are_found_by_name(tmp_path):
    table = read_table(pieces(tmp_path, b"a,b\n1,2\n", b"b,a\n4,3\n"))
    assert table.to_pydict() == AB


@line("pieces with other columns")
def test_pieces_with_other_columns_are_refused(tmp_path):
    pattern = pieces(tmp_path, b"a,b\n1,2\n", b"a,c\n1,2\n")
    with pytest.raises(
        DataError, match=r"part-1\.csv: .*part-0\.csv .*columns 'b', 'c'"
    ):
        read_table(pattern)
    for i, cells in enumerate(([1.5], ["x"])):
        pyarrow.parquet.write_table(pa.table({"a": cells}), tmp_path / f"{i}.parquet")
    with pytest.raises(DataError, match=r"1\.parquet: .*0\.parquet.* a "):
        read_table(tmp_path / "*.parquet")


@line("`-`")
def test_standard_input_is_read(monkeypatch):
    def give(data):
        monkeypatch.setattr(
            sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(data))
        )

    packed = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(AB), packed)
    for data in (ROWS, packed.getvalue()):
        give(data)
        assert read_table("-").to_pydict() == AB
    give(b"a,a\n1,2\n")
    with pytest.raises(DataError, match="standard input: more than one"):
        read_table("-")


@line("a folder")
def test_a_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is a folder\. Give a file, or '.*\*\.csv'"):
        read_table(tmp_path)


@line("a name that is not there")
def test_a_name_that_is_not_there_gets_the_nearest(tmp_path):
    (tmp_path / "breast.csv").write_bytes(ROWS)
    with pytest.raises(
        DataError, match=r"no such file\. Did you mean '.*breast\.csv'\?"
    ):
        read_table(tmp_path / "breats.csv")
    with pytest.raises(DataError, match=r"there is no such file\.$"):
        read_table(tmp_path / "none" / "x.csv")


@line("a name with another suffix")
def test_other_suffixes_are_csv(tmp_path):
    (tmp_path / "adult.data").write_bytes(ROWS)
    assert read_table(tmp_path / "adult.data").to_pydict() == AB


@line("a column of text")
def test_text_of_parquet_is_read_as_that_of_csv(tmp_path):
    words = {"a": ["1", "NA"], "b": ["2024-12-31", "x"], "c": ["inf", "007"]}
    pyarrow.parquet.write_table(pa.table(words), tmp_path / "x.parquet")
    pd.DataFrame(words).to_csv(tmp_path / "x.csv", index=False)
    table = read_table(tmp_path / "x.parquet")
    assert table.equals(read_table(tmp_path / "x.csv"))
    assert table["a"].to_pylist() == [1, None]


@line("a list, struct or binary column")
def test_nested_columns_stay(tmp_path):
    table = pa.table({"l": [[1], None], "s": [{"x": 1}, {"x": 2}], "b": [b"1", b"2"]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert read_table(tmp_path / "x.parquet").equals(table)


@line("cells of more than 64 GiB, as its metadata say")
def test_too_much_parquet_is_refused_unread(tmp_path, monkeypatch):
    assert files.PARQUET_BUDGET == 64 * 2**30
    pyarrow.parquet.write_table(pa.table({"a": [0.0] * 1000}), tmp_path / "x.parquet")
    monkeypatch.setattr(files, "PARQUET_BUDGET", 7999)
    with pytest.raises(DataError, match=r"8,000 bytes.*data.files.PARQUET_BUDGET, now"):
        read_table(tmp_path / "x.parquet")


@line("a table to `.xlsx`, or to a name without suffix")
@pytest.mark.parametrize("name", ["x.xlsx", "x", "-", "x.csv.xz", "x.parquet.gz"])
def test_other_suffixes_are_not_written(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"written to \.csv, \.tsv .*\.parquet or \.pq"):
        write_table(pa.table(AB), name)
    assert not Path(name).exists()


# ------------------------------------------------------------------- what always holds

INTERESTING = sorted({word for case in CELLS for word in case[1]})
WORDS = st.one_of(
    st.sampled_from(INTERESTING),
    st.integers().map(str),
    st.floats().map(repr),
    st.dates(min_value=dt.date(1000, 1, 1)).map(str),
    st.datetimes(min_value=dt.datetime(1000, 1, 1)).map(str),  # noqa: DTZ001 - no zone
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5),
    st.none(),
)
ALIKE = st.sampled_from(TYPES).flatmap(  # columns of one type: chance makes few
    lambda kind: st.lists(
        st.sampled_from([w for w in INTERESTING if type_of(text(w)) == kind])
    )
)
COLUMNS = st.one_of(ALIKE, st.lists(WORDS, max_size=6))


def test_types_are_joined_in_any_order():
    for a, b, c in itertools.product(TYPES, repeat=3):
        assert join(a, b) == join(b, a)
        assert join(a, join(b, c)) == join(join(a, b), c)
        assert join(a, a) == join(a, "empty") == a
        assert join(a, "text") == "text"


@given(st.lists(COLUMNS, min_size=1, max_size=4))
@example([["1"], ["1.5"], ["x"]])
@example([["1"], [str(2**63)]])
@example([["2024-12-31"], ["2024-12-31 12:00"], ["2024-02-30"]])
@example([["true"], ["NA"]])
def test_pieces_have_the_type_and_the_cells_of_the_whole(cut):
    whole = text(*itertools.chain(*cut))
    kind = functools.reduce(join, (type_of(text(*piece)) for piece in cut))
    assert kind == type_of(whole)
    found = [
        cell for piece in cut for cell in parse(text(*piece), kind, "a").to_pylist()
    ]
    assert found == parse(whole, kind, "a").to_pylist()


@given(COLUMNS)
def test_a_type_fits_what_wider_ones_do_and_narrower_ones_do_not(cells):
    found = type_of(text(*cells))
    for kind in TYPES:
        if join(found, kind) == kind:
            assert len(parse(text(*cells), kind, "a")) == len(cells)
        else:
            with pytest.raises(DataError, match="Column 'a' holds"):
                parse(text(*cells), kind, "a")


@given(COLUMNS, COLUMNS, st.sampled_from(TYPES))
def test_the_first_cell_that_does_not_fit_is_named(cells, rest, kind):
    assume(join(type_of(text(*cells)), kind) == kind)
    odd = "no such \t thing" * 9
    if kind == "text":
        assert parse(text(*cells, odd), kind, "a")[-1].as_py() == odd
        return
    named = re.escape(f"Column 'a' holds {odd[:40]!r} in row {len(cells)}, where ")
    with pytest.raises(DataError, match=named):
        parse(text(*cells, odd, *rest), kind, "a")


def test_a_type_that_text_cannot_be_fits_no_cell():
    assert parse(text("NA", None), "duration", "a").null_count == 2
    with pytest.raises(DataError, match="'1' in row 1, where a duration must stand"):
        parse(text("NA", "1"), "duration", "a")


@given(st.lists(st.floats(allow_nan=False)), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_numbers_keep_every_bit(floats, integers):
    found = parse(text(*map(repr, floats)), "float", "a").to_pylist()
    assert list(map(float.hex, found)) == list(map(float.hex, floats))
    assert parse(text(*map(str, integers)), "integer", "a").to_pylist() == integers


@given(COLUMNS, st.integers(0, 9))
def test_chunks_and_kinds_of_text_do_not_matter(cells, cut):
    whole = typed(pa.table({"a": text(*cells)}))
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        chunks = [pa.array(cells[:cut], kind), pa.array(cells[cut:], kind)]
        assert typed(pa.table({"a": pa.chunked_array(chunks)})).equals(whole)
    assert typed(pa.table({"a": pa.chunked_array([], pa.string())})).num_rows == 0


NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


@line("numbers, booleans, times, text and missing cells in CSV")
@given(
    st.lists(NAMES.filter(str.strip), min_size=1, max_size=4, unique=True),
    st.integers(1, 5),
    st.sampled_from(["x.csv", "x.tsv", "x.parquet"]),
    st.data(),
)
def test_what_was_written_comes_back(tmp_path_factory, names, height, file, data):
    column = st.lists(WORDS, min_size=height, max_size=height)
    words = pa.table({name: text(*data.draw(column)) for name in names})
    path = tmp_path_factory.getbasetemp() / file
    write_table(words, path)
    assert read_table(path).equals(typed(words))
    write_table(typed(words), path)
    assert read_table(path).to_pydict() == typed(words).to_pydict()


def test_a_name_without_end_is_refused():
    with pytest.raises(DataError, match="x: its first line is no header: field larger"):
        delimited.read_delimited(b"x" * 200_000 + b"\n1\n", "x")


SNIPPETS = st.lists(st.sampled_from(["a", ",", '"', '""', "\n", "\r", "\r\n", "é"]))


@given(st.sampled_from(["a", "a,b", "a,b,c"]), SNIPPETS.map("".join))
@example("a,b", '5",1\n2,"3\n')
@example("a", "\n\n")
def test_cells_are_parted_as_python_parts_them(header, below):
    content = f"{header}\n{below}"
    _, *rows = csv.reader(io.StringIO(content, newline=""))
    *_, last = csv.reader(io.StringIO(content + "\nlast", newline=""))
    width = header.count(",") + 1
    wanted = [row or [""] for row in rows if row or width == 1]
    wrong = [len(row) for row in wanted if len(row) != width]
    if last == ["last"] and not wrong:
        columns = delimited.read_delimited(content.encode(), "x").columns
        found = zip(*(column.to_pylist() for column in columns), strict=True)
        assert list(map(list, found)) == wanted
        return
    complaint = rf"has {wrong[0]} cells?\b" if last == ["last"] else "has|opens a quote"
    with pytest.raises(DataError, match=complaint):
        delimited.read_delimited(content.encode(), "x")


@pytest.mark.parametrize("block", [64, 100, 1000])
def test_rows_longer_than_a_block_are_read(block, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", block)
    rows = [f"{i},{'x' * i}" for i in range(1, 150)]
    table = delimited.read_delimited("\n".join(["a,b", *rows]).encode(), "x")
    assert table["b"].to_pylist() == ["x" * i for i in range(1, 150)]
