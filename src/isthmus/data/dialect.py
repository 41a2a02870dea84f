"""The one dialect of text: what the words in a column of text mean.

It is the same for a CSV file and for a text column of pandas, polars, Arrow or Parquet.
docs/csv.md tells it to users, line by line.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection

# all words of pandas, and two more
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    *("NaT", "?"),
)
"""Words that mean a missing cell, with or without blanks around them."""

_WHOLE = r"(?:0|[1-9][0-9]*)"  # 007 is a name and no number
_DECIMAL = rf"(?:{_WHOLE}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_DAY = r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"  # Arrow knows how long a month is
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
_ZONE = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_NOTHING = (r"", pa.float64())  # a number that is never there
_FORMS = {  # a narrower type before a wider one
    "empty": _NOTHING,
    "boolean": (r"true|True|TRUE|false|False|FALSE", pa.bool_()),
    "integer": (rf"-?{_WHOLE}", pa.int64()),
    "float": (rf"-?(?:{_DECIMAL}|(?i:inf|infinity))", pa.float64()),
    "date": (_DAY, pa.date32()),
    "datetime": (rf"{_DAY}(?:[T ]{_TIME})?", pa.timestamp("us")),
    "instant": (rf"{_DAY}(?:[T ]{_TIME}{_ZONE}?)?", pa.timestamp("us", "UTC")),
}
_WANTED = {
    "empty": "nothing",
    "boolean": "true or false",
    "integer": "a whole number",
    "float": "a number",
    "date": "a date such as 2024-12-31",
    "datetime": "a time such as 2024-12-31 23:59",
    "instant": "a time such as 2024-12-31 23:59+01:00",
}
TYPES = (*_FORMS, "text")
"""What a column of text can be. A narrower type fits into a wider one::

    empty < boolean < text
    empty < integer < float < text
    empty < date < datetime < instant < text
"""

_WIDER = {
    frozenset({"integer", "float"}): "float",
    frozenset({"date", "datetime"}): "datetime",
    frozenset({"date", "instant"}): "instant",
    frozenset({"datetime", "instant"}): "instant",
}
_HEAD = 64  # rows that rule most types out before all are looked at


def type_of(text: pa.ChunkedArray) -> str:
    """The narrowest type that fits every cell which is not missing."""
    return _narrowest(_cells(text))[0]


def join(a: str, b: str) -> str:
    """The narrowest type of both: that of two pieces put together."""
    if b in {a, "empty"}:
        return a
    return b if a == "empty" else _WIDER.get(frozenset({a, b}), "text")


def is_number(cell: str) -> bool:
    """Whether a cell would be read as a number."""
    return re.fullmatch(_FORMS["float"][0], cell.strip()) is not None


def arrow_of(kind: str) -> pa.DataType:
    """The Arrow type of cells that are parsed as a type other than text."""
    return _FORMS[kind][1]


def parse(text: pa.ChunkedArray, kind: str, name: str) -> pa.ChunkedArray:
    """The cells of the column ``name`` as values of a type; null where missing.

    Numbers too large for float64 are infinite. Times are in UTC if any of them has a
    zone. Text keeps the blanks around it.
    """
    cells = _cells(text)
    if kind == "text":
        return _words(text, cells)
    values = _values(cells, kind)
    if values is None:
        row = _first_misfit(cells, kind)
        shown, wanted = repr(text[row].as_py()[:40]), _WANTED.get(kind, f"a {kind}")
        raise DataError(
            f"Column {name!r} holds {shown} in row {row}, where {wanted} must stand. "
            f"Mend that cell, or empty it if it is missing."
        )
    return values


def typed(table: pa.Table, keep: Collection[str] = ()) -> pa.Table:
    """The table, columns of text but for ``keep`` parsed as their narrowest types.

    Categories (Arrow's dictionaries) stay as they are, whatever their words.
    """
    columns = [
        _typed(cells) if is_text(cells.type) and name not in keep else cells
        for name, cells in zip(table.column_names, table.columns, strict=True)
    ]
    return pa.table(columns, names=table.column_names)


def is_text(kind: pa.DataType) -> bool:
    """Whether columns of this Arrow type hold text."""
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )


def _typed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    cells = _cells(text)
    _, values = _narrowest(cells)
    return _words(text, cells) if values is None else values


def _cells(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """The text without the blanks around it; null where it means missing."""
    if pa.types.is_string_view(text.type):  # Arrow computes next to nothing with these
        text = text.cast(pa.large_string())
    cells = pc.utf8_trim_whitespace(text)
    missing = pc.is_in(cells, value_set=pa.array(MISSING, cells.type))
    if not pc.any(missing, min_count=0).as_py():
        return cells
    return pc.if_else(missing, pa.scalar(None, cells.type), cells)


def _words(text: pa.ChunkedArray, cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """The text as it came, less the missing cells."""
    text = text.cast(pa.large_string())  # holds any length
    if cells.null_count == text.null_count:
        return text
    return pc.if_else(pc.is_valid(cells), text, pa.scalar(None, text.type))


def _narrowest(cells: pa.ChunkedArray) -> tuple[str, pa.ChunkedArray | None]:
    """The narrowest type, and the values unless they are text."""
    head = cells.slice(0, _HEAD).drop_null().to_pylist()
    for kind, (form, _) in _FORMS.items():
        if not all(re.fullmatch(form, cell) for cell in head):
            continue
        if (values := _values(cells, kind)) is not None:
            return kind, values
    return "text", None


def _values(cells: pa.ChunkedArray, kind: str) -> pa.ChunkedArray | None:
    """The cells as values of a type other than text; None if one does not fit."""
    form, arrow = _FORMS.get(kind, _NOTHING)
    fits = pc.match_substring_regex(cells, rf"\A(?:{form})\z")
    if not pc.all(fits, min_count=0).as_py():
        return None
    try:
        if kind in {"datetime", "instant"}:
            cells = _full(cells, zone="Z" if kind == "instant" else "")
        return cells.cast(arrow)
    except pa.ArrowInvalid:  # a number beyond int64, a 30th of February
        return None


def _full(times: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    """Days with an hour, six digits behind the second at most, and a zone for all."""
    for pattern, full in (
        (r"\A(.{10})\z", r"\1 00:00"),
        (r"(\.[0-9]{6})[0-9]+", r"\1"),
        (r"\A(.{10}[T ][0-9:.]+)\z", rf"\1{zone}"),
    ):
        times = pc.replace_substring_regex(times, pattern, full)
    return times


def _first_misfit(cells: pa.ChunkedArray, kind: str) -> int:
    """The first row that does not fit, found by halving."""

    def is_past(row: int) -> bool:
        return _values(cells.slice(0, row + 1), kind) is None

    return bisect_left(range(len(cells)), 1, key=is_past)
