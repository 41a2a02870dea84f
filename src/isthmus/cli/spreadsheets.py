"""Text that a spreadsheet would run as a formula gets a ' in front.

(OWASP ASVS 1.2.10, CWE-1236.) Cells of text and names of columns do; numbers, also
those in a column of text, stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

FORMULA = r"^[=+\-@\t\r\x00]"
"""How text begins that is run."""

NUMBER = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"


def defused(table: pa.Table) -> pa.Table:
    """The table with a ' before every text, and name, that may be a formula."""
    import pyarrow as pa

    names = _marked(pa.chunked_array([table.column_names], pa.string()))
    columns = [_defused(column) for column in table.columns]
    return pa.Table.from_arrays(columns, names.to_pylist())


def _defused(column: pa.ChunkedArray) -> pa.ChunkedArray:
    from pyarrow import types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    text = types.is_string(column.type) or types.is_large_string(column.type)
    return _marked(column) if text else column


def _marked(text: pa.ChunkedArray) -> pa.ChunkedArray:
    from pyarrow import compute

    begins = compute.match_substring_regex(text, FORMULA)
    number = compute.match_substring_regex(text, NUMBER)
    marked = compute.replace_substring_regex(text, "^", "'", max_replacements=1)
    return compute.if_else(compute.and_not(begins, number), marked, text)
