"""A column of Arrow as numbers or text, and back into its own type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.data import dialect
from isthmus.data.rows import Column, Type
from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Steps of an Arrow unit of time in a second."""


def from_arrow(
    name: str, cells: pa.ChunkedArray, wanted: str | None
) -> tuple[Column, Any]:
    """Return what a column is, and its cells: float64 (n,), or text.

    With ``wanted`` it is read as that; what cannot be is refused.
    """
    kind, arrow = _type(name, cells.type), _words(cells.type)
    if pa.types.is_dictionary(cells.type) or wanted == "text":
        return Column(name, "text", arrow), _as_text(cells, kind)
    if kind == "text":
        cells = dialect.parse(cells, _reading(cells, wanted), name)
        kind = _type(name, cells.type)
        if kind == "text":
            return Column(name, kind, arrow), cells
        arrow = f"text<{_words(cells.type)}>"
    if wanted is not None and not _agree(kind, wanted):
        raise DataError(f"Column {name!r} was {wanted} in fitting, and is {kind} now.")
    return Column(name, kind, arrow), _numbers(cells, kind)


def _reading(cells: pa.ChunkedArray, wanted: str | None) -> str:
    """The dialect's type by which to read a column of text."""
    found = dialect.type_of(cells)
    if wanted is None or (
        wanted == "boolean" and dialect.join(found, "float") != "text"
    ):
        return found
    wider = {"integer": "float", "datetime": "instant"}
    return wider.get(wanted, wanted)


def to_arrow(column: Column, cells: NDArray[np.float64]) -> pa.Array:
    """Numbers (n,), NaN where missing, in the Arrow type of the column."""
    missing = np.isnan(cells)
    filled = np.where(missing, 0.0, cells)
    if column.step:
        filled = np.rint(filled / column.step) * column.step
    written, kind = column.arrow.startswith("text<"), parsed(column.arrow)
    if column.type in {"datetime", "duration"}:
        made = _times(filled, column.type, kind, missing)
    elif column.type == "boolean":
        made = pa.array(filled >= 0.5, mask=missing)
    elif column.type == "integer":
        low, high = _bounds(kind)
        whole = np.clip(np.rint(filled), low, high)
        made = pa.array(whole.astype(np.int64 if low < 0 else np.uint64), mask=missing)
    else:
        made = pa.array(filled, mask=missing)
    if kind is not None and not pa.types.is_null(kind):
        made = made.cast(kind, safe=False)
    if not written:
        return made
    if pa.types.is_timestamp(made.type) and column.step >= 1:
        made = made.cast(pa.timestamp("s"))  # as short as it came
    return made.cast(pa.string())


def text_to_arrow(column: Column, cells: pa.Array) -> pa.Array:
    """Texts in the Arrow type of a column that was read as text."""
    if column.arrow.startswith("dictionary"):
        inner = parsed(column.arrow.removeprefix("dictionary<").removesuffix(">"))
        encoded = cells.dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            encoded.indices, encoded.dictionary.cast(inner or pa.string())
        )
    kind = parsed(column.arrow)
    if kind is None or pa.types.is_null(kind):
        return cells
    if pa.types.is_boolean(kind):
        return pc.equal(cells, "true")
    return cells.cast(kind)


def parsed(words: str) -> pa.DataType | None:
    """The Arrow type that `_words` wrote; None for one that does not go back."""
    if found := re.fullmatch(r"text<(.*)>", words):
        return parsed(found[1])
    if found := re.fullmatch(r"(timestamp)\[(\w+)(?:, tz=([^\]]+))?\]", words):
        return pa.timestamp(found[2], tz=found[3])
    if found := re.fullmatch(r"decimal128\((\d+), (-?\d+)\)", words):
        return pa.decimal128(int(found[1]), int(found[2]))
    try:
        return pa.type_for_alias(words)
    except ValueError:
        return None


def _type(name: str, kind: pa.DataType) -> Type:
    tests = {
        "boolean": [pa.types.is_boolean],
        "integer": [pa.types.is_integer],
        "float": [pa.types.is_floating, pa.types.is_decimal, pa.types.is_null],
        "datetime": [pa.types.is_timestamp, pa.types.is_date],
        "duration": [pa.types.is_duration, pa.types.is_time],
        "text": [
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_dictionary,
        ],
    }
    for found in get_args(Type):
        if any(test(kind) for test in tests[found]):
            return found  # type: ignore[no-any-return]
    raise DataError(
        f"Column {name!r} holds {kind}: every cell must be a number, a text, a time or "
        f"missing. Leave it out."
    )


def _agree(kind: str, wanted: str) -> bool:
    numbers = {"float", "integer", "boolean"}
    return kind == wanted or {kind, wanted} <= numbers


def _words(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        return f"dictionary<{_words(kind.value_type)}>"
    if pa.types.is_string_view(kind):
        return "string"
    return str(kind)


def _as_text(cells: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    """Any column as text; a whole number has no point, whatever its type."""
    if pa.types.is_dictionary(cells.type):
        inner = cells.type.value_type
        kind = _type("", inner)
        cells = cells.cast(inner)
    elif kind == "text":
        return dialect.parse(cells, "text", "")
    if kind == "float":
        values = cells.cast(pa.float64()).to_pandas().to_numpy()
        whole = np.isfinite(values) & (values == np.rint(values))
        whole &= np.abs(values) < 2**53
        words = [
            None if np.isnan(v) else str(int(v)) if w else repr(float(v))
            for v, w in zip(values, whole, strict=True)
        ]
        return pa.chunked_array([pa.array(words, pa.string())])
    return cells.cast(pa.string())


def _numbers(cells: pa.ChunkedArray, kind: str) -> NDArray[np.float64]:
    if kind in {"datetime", "duration"}:
        return _seconds(cells)
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.uint8())
    numbers: NDArray[np.float64] = cells.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _seconds(cells: pa.ChunkedArray) -> NDArray[np.float64]:
    kind = cells.type
    if pa.types.is_date(kind):
        cells = cells.cast(pa.timestamp("s"))
    elif pa.types.is_time(kind):
        cells = cells.cast(pa.time64("us"))
    unit = UNITS[cells.type.unit]
    steps = cells.cast(pa.int64())
    missing = steps.is_null().to_numpy()
    whole = steps.fill_null(0).to_numpy()
    high, low = np.divmod(whole, unit)  # a float64 would round nanoseconds
    return np.where(missing, np.nan, high + low / unit)


def _times(
    seconds: NDArray[np.float64],
    type_: str,
    kind: pa.DataType | None,
    missing: NDArray[np.bool_],
) -> pa.Array:
    """Seconds as moments or spans, in the unit of ``kind`` where it has one."""
    unit = getattr(kind, "unit", "us")
    if kind is not None and pa.types.is_date(kind):
        unit = "s"
    if kind is not None and pa.types.is_time(kind):
        seconds = np.clip(seconds, 0.0, 86_400 - 1e-6)
    whole = np.floor(seconds)
    part = np.rint((seconds - whole) * UNITS[unit])
    most = 2**63 // UNITS[unit] - 1
    steps = np.clip(whole, -most, most).astype(np.int64) * UNITS[unit]
    made = pa.array(steps + part.astype(np.int64), mask=missing)
    if kind is not None and pa.types.is_time(kind):
        return made.cast(pa.time64("us") if unit == "us" else kind, safe=False)
    zone = getattr(kind, "tz", None)
    own = pa.timestamp(unit, zone) if type_ == "datetime" else pa.duration(unit)
    return made.cast(own)


def _bounds(kind: pa.DataType | None) -> tuple[float, float]:
    """Smallest and largest number of an integer type, as float64 can hold them."""
    if kind is None or not pa.types.is_integer(kind):
        return -(2.0**63), 2.0**63 - 1024
    signed = pa.types.is_signed_integer(kind)
    bits = kind.bit_width - signed
    high = 2.0**bits - (1 if bits < 53 else 2.0 ** (bits - 53))
    return (-(2.0**bits) if signed else 0.0), high
