"""Sound in WAV files."""

from __future__ import annotations

import io
import struct
import warnings
import wave
from errno import ENOENT
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.io import wavfile

from isthmus.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from pyarrow import fs

SUFFIXES = {".wav", ".wave"}

MOST = 2**31
"""Bytes of a file, at most."""

OPEN = {2**32 - 1, 0x7FFFF000}
"""What ffmpeg and SoX say of a size that they cannot know, as they write to a pipe."""


class Sound(NamedTuple):
    """A recording as it stands in a file."""

    rate: int
    """Samples per second."""
    samples: NDArray[Any]
    """(samples,), or (samples, channels)."""
    bits: int = 0
    """Of a sample, where that is fewer than its data type has: 24 of int32."""
    name: str | None = None
    """Of its file."""

    @property
    def channels(self) -> int:
        """How many there are."""
        return 1 if self.samples.ndim == 1 else int(self.samples.shape[1])


class SoundFolder:
    """Recordings in the order of their files' names."""

    def __init__(self, system: fs.FileSystem, names: list[str]) -> None:
        self.system, self.names = system, names

    def pieces(self, rows: int, part: slice) -> Iterator[list[Sound]]:
        """Lists of so many recordings."""
        names = self.names[part]
        for start in range(0, len(names), rows):
            yield [self.read(name) for name in names[start : start + rows]]

    def read(self, name: str) -> Sound:
        """The samples of one file: integers of 8 to 32 bits, or floats."""
        try:
            with self.system.open_input_file(name) as file:
                if file.size() > MOST:
                    raise DataError(
                        f"{name}: has over {MOST:,} bytes. Cut it into pieces."
                    )
                data = bytearray(file.read())
        except OSError as error:
            what = "there is no such file" if error.errno == ENOENT else error
            raise DataError(f"{name}: {what}.") from None
        if not data:
            raise DataError(f"{name}: is empty.")
        _measure(data, name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", wavfile.WavFileWarning)
                # of chunks that are not sound, such as the name of a song
                warnings.filterwarnings("ignore", "Chunk .* not understood")
                rate, samples = wavfile.read(io.BytesIO(data))
        except Exception as error:  # noqa: BLE001 - a damaged file raises anything
            raise DataError(f"{name}: cannot be read as WAV: {error}.") from None
        if not samples.size:
            raise DataError(f"{name}: holds no samples.")
        if samples.dtype.kind == "f" and not np.isfinite(samples).all():
            raise DataError(f"{name}: holds a sample that is not finite.")
        return Sound(rate, samples, _bits(data, samples.dtype), name)


def write_wav(path: Path, sound: Sound) -> None:
    """Write a recording, in the format of its samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if sound.bits != 24:
        wavfile.write(path, sound.rate, sound.samples)
        return
    raw = sound.samples.astype("<i4").reshape(len(sound.samples), -1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(raw.shape[1])
        file.setsampwidth(3)
        file.setframerate(sound.rate)
        file.writeframes(raw[..., None].view(np.uint8)[..., 1:].tobytes())


def _measure(data: bytearray, name: str) -> None:
    """Write the size of the sound where it was left open; refuse what is cut off."""
    if not data.startswith((b"RIFF", b"RIFX")):
        return
    order = _order(data)
    chunks = {chunk: (start, size) for chunk, start, size in _chunks(data)}
    if not {b"fmt ", b"data"} <= chunks.keys() or chunks[b"fmt "][1] < 16:
        raise DataError(f"{name}: ends before the sound begins.")
    start, size = chunks[b"data"]
    rest = len(data) - start
    if size <= rest:
        return
    if size not in OPEN:
        raise DataError(f"{name}: ends before the sound that it tells of.")
    (together,) = struct.unpack_from(order + "H", data, chunks[b"fmt "][0] + 12)
    del data[len(data) - rest % max(together, 1) :]  # part of the last samples
    struct.pack_into(order + "I", data, start - 4, len(data) - start)
    struct.pack_into(order + "I", data, 4, len(data) - 8)


def _chunks(data: bytearray) -> Iterator[tuple[bytes, int, int]]:
    """Name of each chunk of a RIFF file, where what it holds begins, and its bytes."""
    start, order = 12, _order(data)
    while start + 8 <= len(data):
        name, size = struct.unpack_from(order + "4sI", data, start)
        yield name, start + 8, size
        start += 8 + size + size % 2


def _order(data: bytearray) -> str:
    """The end of a number that comes first, as `struct` has it."""
    return ">" if data.startswith(b"RIFX") else "<"


def _bits(data: bytearray, dtype: np.dtype[Any]) -> int:
    """Bits of a sample, where that is fewer than its data type has; else 0."""
    if dtype.kind != "i" or dtype.itemsize != 4:
        return 0
    place = next(start for chunk, start, _ in _chunks(data) if chunk == b"fmt ")
    (bits,) = struct.unpack_from(_order(data) + "H", data, place + 14)
    return int(bits) if bits < 32 else 0
