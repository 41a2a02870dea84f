"""Recordings in memory, taken out of their container, and back into the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import torch

from isthmus.data.wav import Sound
from isthmus.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Holder = Literal["sounds", "list", "array"]
"""What recordings came in: sounds of files, a list of arrays, or one array."""


class Recordings(NamedTuple):
    """Sounds, and what they came in."""

    sounds: list[Sound]
    holder: Holder = "sounds"

    @property
    def height(self) -> int:
        """Number of recordings."""
        return len(self.sounds)

    def take(self, picked: NDArray[np.int64]) -> Recordings:
        """The recordings at these places, in their order."""
        return self._replace(sounds=[self.sounds[i] for i in picked])


def are_recordings(X: Any) -> bool:
    """Whether ``X`` can be nothing but sound: it tells its rate."""
    return isinstance(X, list | tuple) and bool(X) and all(map(_is_sound, X))


def open_recordings(X: Any, rate: int | None, least: int = 1) -> Recordings:
    """Take recordings out of a list of sounds or arrays, or an array (n, samples).

    A sound is a `Sound`, or (rate, samples) as scipy reads it; an array, of which
    ``rate`` tells the samples per second, is (samples,) or (samples, channels).
    """
    holder: Holder = "list"
    if isinstance(X, np.ndarray | torch.Tensor):
        if X.ndim != 2:
            raise DataError(
                f"Recordings must be an array (n, samples), or a list of arrays. Got "
                f"an array of {X.ndim} axes."
            )
        holder, X = "array", list(X)
    elif not isinstance(X, list | tuple):
        raise DataError(
            f"Recordings must be a list of arrays, an array (n, samples), or WAV "
            f"files. Got {type(X).__name__}."
        )
    elif are_recordings(X):
        holder = "sounds"
    if len(X) < least:
        raise DataError(f"{least} recordings or more are needed. Got {len(X)}.")
    for x in X:
        if isinstance(x, str):
            raise DataError(f"{x}: there is no such WAV file.")
    if holder != "sounds" and rate is None:
        raise DataError(
            "Arrays do not tell how many samples a second has: say so, as "
            "kind=Audio(rate=16000)."
        )
    return Recordings([_sound(x, rate, k) for k, x in enumerate(X)], holder)


def close_recordings(sounds: list[Sound], holder: Holder) -> Any:
    """Sounds in a container again."""
    if holder == "sounds":
        return sounds
    arrays = [sound.samples for sound in sounds]
    return np.stack(arrays) if holder == "array" else arrays


def as_unit(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Samples as numbers from -1 to 1; floats as they are."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    full, middle = _full(samples.dtype)
    return ((samples.astype(np.float64) - middle) / full).astype(np.float32)


def as_before(values: NDArray[np.float32], like: Sound) -> NDArray[Any]:
    """Numbers as samples of the data type, and bits, of a sound."""
    dtype = like.samples.dtype
    if dtype.kind == "f":
        return values.astype(dtype)
    full, middle = _full(dtype)
    step = 2 ** (8 * dtype.itemsize - like.bits) if like.bits else 1
    whole = np.rint(values.astype(np.float64) * (full / step)) * step + middle
    limits = np.iinfo(dtype)
    return np.clip(whole, limits.min, limits.max - step + 1).astype(dtype)


def _full(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The loudest sample, and silence: eight bits of a WAV file have no sign."""
    full = 2.0 ** (8 * dtype.itemsize - 1)
    return full, full if dtype.kind == "u" else 0.0


def _is_sound(x: Any) -> bool:
    return (
        isinstance(x, tuple)
        and len(x) in {2, 3, 4}
        and isinstance(x[0], int | np.integer)
        and isinstance(x[1], np.ndarray | torch.Tensor)
    )


def called(name: str | None, place: int) -> str:
    """A recording by the name of its file, or by its place."""
    return f"Recording {place}, counted from 0," if name is None else f"{name}:"


def _sound(x: Any, rate: int | None, place: int) -> Sound:
    name = None
    if _is_sound(x):
        rate, x, *more = x
        name = more[1] if len(more) > 1 else None
    else:
        more = []
    samples = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else x)
    who = called(name, place)
    if samples.ndim not in {1, 2} or samples.dtype.kind not in "iuf":
        raise DataError(
            f"{who} must be numbers (samples,) or (samples, channels). Got "
            f"{samples.dtype} of {samples.ndim} axes."
        )
    if not samples.size:
        raise DataError(f"{who} has no samples.")
    if name is None and samples.ndim == 2 and samples.shape[1] > samples.shape[0]:
        raise DataError(
            f"{who} has {samples.shape[1]:,} channels of {samples.shape[0]:,} samples: "
            f"samples come first, so transpose it."
        )
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        raise DataError(f"{who} holds a sample that is not finite.")
    assert rate is not None  # `open_recordings` asked for it
    return Sound(int(rate), samples, *more)
