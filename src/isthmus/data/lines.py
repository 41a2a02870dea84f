"""Files of text, one document per line."""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow as pa

from isthmus.errors import DataError

SUFFIX = ".txt"
NAME = "text"
"""Of the column that the lines of a file are."""


def is_lines(source: object) -> bool:
    """Whether a path is that of a file of lines, by its name."""
    named = isinstance(source, str | Path)
    return named and Path(str(source)).suffix.lower() == SUFFIX


def read_lines(name: str | Path) -> pa.Table:
    """The lines of a file in UTF-8, a row each; an empty one is an empty text."""
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from None
    return lines_of(data, str(name))


def lines_of(data: bytes, name: str) -> pa.Table:
    """The lines of a text, a row each; what is no UTF-8 is refused."""
    data = data.removeprefix(codecs.BOM_UTF8)
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    known = "UTF-16" if wide else "WINDOWS-1252"
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}: line {line}: {error.reason}, so this is no UTF-8. Save it as "
            f"UTF-8, or convert it: iconv -f {known} -t UTF-8."
        ) from None
    if not any(map(str.strip, lines)):
        raise DataError(f"{name}: there is no text.")
    cells = [line.removesuffix("\r") for line in lines]
    return pa.table({NAME: pa.array(cells, pa.string())})
