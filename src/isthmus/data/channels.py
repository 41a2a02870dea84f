"""Channels of recordings, at one rate and of one loudness, and what is seen of them."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy.signal import resample_poly

from isthmus.data.recordings import as_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from isthmus.data.forms import Audio
    from isthmus.data.mel import Mel
    from isthmus.data.wav import Sound


class Channel(NamedTuple):
    """One channel of a recording."""

    wave: torch.Tensor
    """(samples,) at the rate of the model, of a variance of one if so wished."""
    loudness: float
    """What they were divided by."""


def channels_of(sound: Sound, said: Audio, rate: int) -> Iterator[Channel]:
    """The channels of a recording at a rate, brought to one loudness if so said."""
    values = as_unit(sound.samples).reshape(len(sound.samples), -1)
    for wave in resampled(values, sound.rate, rate).T:
        loud = float(np.sqrt(np.square(wave, dtype=np.float64).mean())) or 1.0
        if said.loudness == "kept" and said.view == "wave":
            loud = 1.0
        yield Channel(
            torch.from_numpy(np.ascontiguousarray(wave) / np.float32(loud)), loud
        )


def features_of(channel: Channel, said: Audio, mel: Mel | None) -> torch.Tensor:
    """Samples as (samples, 1), or their log powers (frames, bands)."""
    if mel is None:
        return channel.wave[:, None]
    kept = 2 * float(np.log(channel.loudness)) if said.loudness == "kept" else 0.0
    return mel.log(channel.wave) + kept


def resampled(values: NDArray[Any], rate: int, new: int) -> NDArray[np.float32]:
    """Values (samples, ...) at another rate."""
    if rate == new:
        return values
    shared = gcd(rate, new)
    made = resample_poly(values, new // shared, rate // shared, axis=0)
    return np.asarray(made, np.float32)
