"""Pictures in files."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.errors import DataError, optional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pyarrow import fs

SUFFIXES = {".png", ".jpg", ".jpeg"}
FORMATS = ["PNG", "JPEG"]
GREY, COLOUR = {"1", "L"}, {"RGB", "P", "CMYK", "YCbCr"}
"""Modes of eight bits, without an alpha channel."""

MOST = 2**26
"""Pixels of a picture, at most: a small file may claim to hold more than memory."""


class Folder:
    """Pictures grey or in colour, in the order of their files' names."""

    def __init__(self, system: fs.FileSystem, names: list[str]) -> None:
        self.system, self.names = system, names
        first = self.read(names[0])
        self.pixels, self.colour = first.shape[0] * first.shape[1], first.ndim == 3

    def pieces(self, rows: int, part: slice) -> Iterator[list[NDArray[np.uint8]]]:
        """Lists of so many pictures, (height, width) or (height, width, 3)."""
        names = self.names[part]
        for start in range(0, len(names), rows):
            yield [self._alike(name) for name in names[start : start + rows]]

    def _alike(self, name: str) -> NDArray[np.uint8]:
        image = self.read(name)
        if (image.ndim == 3) != self.colour:
            kinds = ["grey", "in colour"]
            raise DataError(
                f"{name}: is {kinds[not self.colour]}, where {self.names[0]} is "
                f"{kinds[self.colour]}. Convert them, so that all are alike."
            )
        return image

    def read(self, name: str) -> NDArray[np.uint8]:
        """The pixels of one file."""
        image = optional("PIL.Image", "images")
        try:
            with (
                warnings.catch_warnings(
                    action="ignore", category=image.DecompressionBombWarning
                ),
                self.system.open_input_file(name) as file,
                image.open(file, "r", FORMATS) as x,
            ):
                _refuse(x, name)
                upright = optional("PIL.ImageOps", "images").exif_transpose(x)
                return np.asarray(upright.convert("L" if x.mode in GREY else "RGB"))
        except DataError:
            raise
        except (
            OSError,
            SyntaxError,
            ValueError,
            image.DecompressionBombError,
        ) as error:
            told = f"{name}: cannot be read as PNG or JPEG: {error}."
            raise DataError(told) from None


def _refuse(image: Any, name: str) -> None:
    """Refuse what is too large, or holds more than 8 bits of grey or colour."""
    if image.height * image.width > MOST:
        raise DataError(f"{name}: has over {MOST:,} pixels. Resize it.")
    raw, lost = str(image.tile[0][3]) if image.tile else "", ""
    if "16" in raw or image.mode.startswith("I"):
        lost = "16 bits of a colour"
    elif "transparency" in image.info or image.mode not in GREY | COLOUR:
        lost = "transparency"
    if lost:
        raise DataError(
            f"{name}: has {lost}, which would be lost. Convert it to 8 bits of grey or "
            f"of red, green and blue."
        )
