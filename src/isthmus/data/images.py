"""Pictures in files as a table: a row for each, a column for each value of a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from isthmus.errors import DataError, optional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pyarrow import fs

SUFFIXES = {".png", ".jpg", ".jpeg"}
FORMATS = ["PNG", "JPEG"]
GREY, COLOUR = {"1", "L"}, {"RGB", "P", "CMYK", "YCbCr"}
"""Modes of eight bits, without anything that would be lost, such as transparency."""

MOST = 2**22
"""Pixels of a picture, at most: a small file may claim to hold more than memory."""


class Shape(NamedTuple):
    """What all pictures of a folder must have in common."""

    height: int
    width: int
    colours: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Names of the values of a picture: row, column, and colour if there is one."""
        rows, columns = range(self.height), range(self.width)
        ends = [f",{colour}" for colour in self.colours] or [""]
        return [f"{y},{x}{end}" for y in rows for x in columns for end in ends]

    def __str__(self) -> str:
        """As in an error message."""
        kind = "in colour" if self.colours else "grey"
        return f"{self.height} x {self.width} pixels, {kind}"


class Images:
    """Pictures of one size, grey or in colour, in the order of their files' names."""

    def __init__(self, system: fs.FileSystem, names: list[str]) -> None:
        self.system, self.names = system, names
        self.shape, _ = _read(system, names[0])
        self.schema = pa.schema([(name, pa.uint8()) for name in self.shape.columns])

    def pieces(
        self, rows: int, columns: list[str] | None, part: slice = slice(None)
    ) -> Iterator[pa.Table]:
        """Tables of so many ``rows``, of values from 0 to 255; of all files or some."""
        names = self.names[part]
        for start in range(0, len(names), rows):
            values = np.stack([self._values(n) for n in names[start : start + rows]])
            table = pa.Table.from_arrays(list(values.T), schema=self.schema)
            yield table if columns is None else table.select(columns)

    def _values(self, name: str) -> NDArray[np.uint8]:
        shape, values = _read(self.system, name, self.shape)
        if shape != self.shape:
            raise DataError(
                f"{name}: {shape}, where {self.names[0]} has {self.shape}. All "
                f"pictures of a folder must be alike: crop, resize or convert them."
            )
        return values.ravel()


def _read(
    system: fs.FileSystem, name: str, expected: Shape | None = None
) -> tuple[Shape, NDArray[np.uint8]]:
    """Shape and values of a picture; of one that is not as ``expected``, no values."""
    image = optional("PIL.Image", "images")
    try:
        with system.open_input_file(name) as file, image.open(file, "r", FORMATS) as x:
            if x.mode not in GREY | COLOUR:
                raise DataError(
                    f"{name}: is of mode {x.mode}, with 16 bits or transparency. "
                    f"Convert it to 8 bits of grey or of red, green and blue."
                )
            colours = () if x.mode in GREY else ("red", "green", "blue")
            shape = Shape(x.height, x.width, colours)
            if x.height * x.width > MOST:
                raise DataError(f"{name}: has more than {MOST:,} pixels. Resize it.")
            if expected not in {None, shape}:
                return shape, np.empty(0, np.uint8)
            return shape, np.asarray(x.convert("RGB" if colours else "L"))
    except (OSError, SyntaxError, image.DecompressionBombError) as error:
        raise DataError(f"{name}: cannot be read as PNG or JPEG: {error}.") from None
