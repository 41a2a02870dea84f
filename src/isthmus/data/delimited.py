"""The text of a CSV file, parted into rows of one length.

docs/csv.md tells it to users, line by line.
"""

from __future__ import annotations

import codecs
import csv
import re
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv as arrow

from isthmus.errors import DataError, IsthmusWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = ",;\t|"  # the comma in doubt
_BLOCK = 2**24  # bytes that are parsed together, unless a row is longer
_LARGEST_BLOCK = 2**31 - 1


def read_delimited(data: bytes, file: str, mark: str | None = None) -> pa.Table:
    """The cells as columns of text, under the names of the first line.

    ``file`` is what errors call it. Without ``mark``, the mark between cells is the one
    of comma, semicolon, tab and bar that the first line holds most often.
    """
    data = _utf8(data, file)
    mark = mark or _mark(data)
    names, start = _header(data, mark, file)
    if start == len(data):
        return pa.table([pa.array([], pa.string())] * len(names), names)
    table = _rows(data, start, mark, len(names), file)
    if _may_end_in_quotes(data, table):
        _refuse_faults(data, start, mark, len(names), file)
    return table.rename_columns(names)


def in_blocks(file: Any, name: str, mark: str | None = None) -> Iterator[pa.Table]:
    """The cells of an open file as columns of text, some megabytes at a time.

    Each block ends with a row: at the last end of a line that lies in no quotes.
    """
    rest, header = b"", None
    while block := file.read(_BLOCK):
        block = rest + block
        end = _last_end(block)
        if end is None:
            rest = block
            continue
        rest = block[end:]
        head = block[:end]
        if header is None:
            mark = mark or _mark(_utf8(head, name))
            header = head[: _header(_utf8(head, name), mark, name)[1]]
            yield read_delimited(head, name, mark)
        else:
            yield read_delimited(header + head, name, mark)
    if header is None or rest:
        yield read_delimited((header or b"") + rest, name, mark)


def _last_end(block: bytes) -> int | None:
    """Where the last whole row ends; quotes must be closed before it."""
    quotes, end = block.count(b'"'), len(block)
    while (end := block.rfind(b"\n", 0, end)) >= 0:
        quotes = block.count(b'"', 0, end)
        if quotes % 2 == 0:
            return end + 1
    return None


def refuse_repeats(names: list[str], file: str, hint: str = "") -> None:
    """Refuse column names of which two are the same."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{file}: more than one column is called {twice[0]!r}.{hint}")


def _utf8(data: bytes, file: str) -> bytes:
    """The text in UTF-8, without a byte-order mark; what is no text is refused."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = _from(data, "UTF-16", file)
    if (nul := data.find(b"\0")) >= 0:
        raise DataError(
            f"{file}: line {_line(data, nul)} holds a NUL byte, which no text does. "
            f"Save the table as CSV in UTF-8, or as Parquet."
        )
    if _is_utf8(data):
        return data.removeprefix(codecs.BOM_UTF8)
    data = _from(data, "Windows-1252", file)
    warnings.warn(
        f"{file}: is not UTF-8, and was read as Windows-1252. If letters came out "
        f"wrong, save the file as UTF-8.",
        IsthmusWarning,
        stacklevel=5,  # who calls read_table
    )
    return data


def _from(data: bytes, encoding: str, file: str) -> bytes:
    try:
        return data.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: byte {error.start} is neither UTF-8 nor {encoding}. Save the "
            f"file as UTF-8."
        ) from None


def _is_utf8(data: bytes) -> bool:
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(data)
    try:
        for start in range(0, len(data), _BLOCK):  # at once, it would all be copied
            decoder.decode(view[start : start + _BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _mark(data: bytes) -> str:
    head = re.match(rb'[\r\n]*+(?:[^"\r\n]++|"[^"]*+")*+', data)
    assert head is not None, "it matches nothing, too"
    bare = re.sub(rb'"[^"]*"', b"", head[0])
    return max(_MARKS, key=lambda mark: bare.count(mark.encode()))


def _header(data: bytes, mark: str, file: str) -> tuple[list[str], int]:
    """The names of the columns, and where the rows begin."""
    start = len(data) - len(data.lstrip(b"\r\n"))
    if start == len(data):
        raise DataError(f"{file}: is empty.")
    found = _record(mark).match(data, start)
    if found is None:
        _refuse_faults(data, start, mark, 1, file)
    assert found is not None, "else it was refused"
    try:
        (names,) = csv.reader([found[0].decode()], delimiter=mark)
    except csv.Error as error:
        raise DataError(f"{file}: its first line is no header: {error}.") from None
    if nameless := [j for j, name in enumerate(names, 1) if not name.strip()]:
        raise DataError(
            f"{file}: column {nameless[0]} of {len(names)} has no name. Give it one; "
            f"or, if it is the index of a pandas frame, write to_csv(index=False)."
        )
    refuse_repeats(names, file, " Does the first line hold names?")
    return names, found.end()


def _rows(data: bytes, start: int, mark: str, wanted: int, file: str) -> pa.Table:
    try:
        return _cells(data, start, mark, wanted, _BLOCK)
    except pa.ArrowException:
        _refuse_faults(data, start, mark, wanted, file)
    block = min(len(data), _LARGEST_BLOCK)  # a row without a fault is longer than one
    try:
        return _cells(data, start, mark, wanted, block)
    except pa.ArrowException as error:
        raise DataError(f"{file}: {error}") from None


def _cells(data: bytes, start: int, mark: str, wanted: int, block: int) -> pa.Table:
    names = [str(j) for j in range(wanted)]
    return arrow.read_csv(
        pa.BufferReader(pa.py_buffer(data).slice(start)),
        arrow.ReadOptions(column_names=names, block_size=block),
        arrow.ParseOptions(
            delimiter=mark,
            newlines_in_values=b'"' in data,
            ignore_empty_lines=wanted > 1,  # else one is a missing cell
        ),
        arrow.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )


def _may_end_in_quotes(data: bytes, table: pa.Table) -> bool:
    """Whether the last cell may be all that follows an open quote, as Arrow allows."""
    if table.num_rows == 0:
        return False
    last = table.columns[-1][-1].as_py().replace('"', '""').encode()
    return data.endswith(b'"' + last)


def _cell(mark: bytes) -> bytes:
    """A pattern of one cell, as Arrow finds its end."""
    quoted = rb'"[^"]*+(?:""[^"]*+)*+"[^%b\r\n]*+' % mark
    return rb'(?:%b|[^"%b\r\n][^%b\r\n]*+|)' % (quoted, mark, mark)


def _record(mark: str, cells: int | None = None) -> re.Pattern[bytes]:
    """A pattern of one record, of so many cells or of any."""
    m = re.escape(mark).encode()
    more = b"*+" if cells is None else b"{%d}+" % (cells - 1)
    row = b"%b(?:%b%b)%b" % (_cell(m), m, _cell(m), more)
    if cells is None or cells == 1:
        return re.compile(row + rb"(?:\r\n?|\n|\Z)")
    return re.compile(rb"(?:%b)?+(?:[\r\n]++|\Z)" % row)  # blank lines are none


def _refuse_faults(data: bytes, start: int, mark: str, wanted: int, file: str) -> None:
    """Refuse the first record that is not as long as wanted, or never ends."""
    record = _record(mark, wanted)
    while start < len(data) and (found := record.match(data, start)):
        start = found.end()
    if start == len(data):
        return
    line = _line(data, start)
    found = _record(mark).match(data, start)
    if found is None:
        raise DataError(
            f"{file}: the row that begins in line {line} opens a quote and never "
            f"closes it. Close it, or double a quote that belongs to a cell."
        )
    m = re.escape(mark).encode()
    cells = len(re.findall(m + _cell(m), mark.encode() + found[0]))
    has = f"{cells} cell{'s' * (cells != 1)}"
    raise DataError(
        f"{file}: line {line} has {has}, and the header has {wanted}. Cells are parted "
        f"by {mark!r}; quote a cell that holds one."
    )


def _line(data: bytes, position: int) -> int:
    """The number of a line, counted from 1, whatever ends lines."""
    ends = (data.count(end, 0, position) for end in (b"\n", b"\r"))
    return 1 + max(ends)
