"""How recordings become entries, and back."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from isthmus.data.channels import Channel, channels_of, features_of, resampled
from isthmus.data.exact import Moments
from isthmus.data.forms import Audio
from isthmus.data.mel import Mel
from isthmus.data.recordings import Holder, as_before, called, close_recordings
from isthmus.data.windows import Windows
from isthmus.errors import DataError, RecipeError
from isthmus.layout import Content, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from isthmus.data.recordings import Recordings
    from isthmus.data.wav import Sound

SECONDS = {"mel": 0.25, "wave": 0.5}
"""Of a window, where nothing is said of it."""

FEW = 64
"""Channels whose moments are taken together."""

FEWEST = 8
"""Steps of a window, at least."""


class Sounds:
    """Recordings as entries (bands, frames) or (1, samples) of windows, and back.

    An entry is (feature - ``center``) / ``scale``, one of each per band.
    """

    form: ClassVar[str] = "audio"
    found: ClassVar[tuple[Any, ...]] = ()
    aside: ClassVar[list[str]] = []
    whole: ClassVar[bool] = False

    def __init__(
        self,
        said: Audio,
        rate: int,
        window: int,
        center: Sequence[float],
        scale: Sequence[float],
        *,
        holder: Holder,
        missing: bool,
    ) -> None:
        self.said, self.rate, self.window = said, rate, window
        self.center, self.scale = tuple(center), tuple(scale)
        self.holder, self.missing = holder, missing
        self.mel = Mel(rate, said.bands) if said.view != "wave" else None

    @property
    def names(self) -> tuple[str, ...]:
        """One name per band: to scikit-learn, these are the features."""
        if self.mel is None:
            return ("wave",)
        return tuple(f"band{k}" for k in range(self.said.bands))

    @property
    def width(self) -> int:
        """Entries of a window."""
        return self.layout().event.numel()

    @property
    def seconds(self) -> float:
        """How long a window lasts."""
        return self.window * (1 if self.mel is None else self.mel.hop) / self.rate

    def layout(self) -> Layout:
        """One field of bands and steps."""
        return Layout.of(len(self.center), self.window)

    def encode(self, rows: Recordings) -> Windows:
        """Windows of float32 entries; what lacks in one is an invisible zero."""
        parts = [self._entries(channel) for channel in self._channels(rows)]
        extents = [max(len(part), self.window) for part in parts]
        x = torch.zeros(sum(extents), len(self.center))
        seen = torch.zeros_like(x) if extents != list(map(len, parts)) else None
        for part, stop, extent in zip(parts, accumulate(extents), extents, strict=True):
            here = slice(stop - extent, stop - extent + len(part))
            x[here] = part
            if seen is not None:
                seen[here] = 1.0
        whole = tuple((extent,) for extent in extents)
        stride = max(self.window // (2 if self.mel is None else 4), 1)
        return Windows(x, seen, whole, (self.window,), (stride,))

    def codes(self, z: NDArray[np.float32], data: Windows, rows: Recordings) -> Any:
        """Codes of recordings, means over their windows, of those of windows."""
        if self.said.codes == "window":
            return z
        stops = np.cumsum(np.add.reduceat(data.counts, _firsts(rows)))
        parts = np.split(z, stops[:-1])
        means = [part.mean(0, dtype=np.float64) for part in parts]
        return np.array(means, np.float32)

    def by_row(self, values: NDArray[Any], rows: Recordings) -> NDArray[Any]:
        """Means over the places of each recording, (n, ...), of (places, ...)."""
        parts = self.by_recording(values, rows)
        return np.array([part.mean((0, 1)) for part in parts])

    def by_recording(
        self, values: NDArray[Any], rows: Recordings
    ) -> list[NDArray[Any]]:
        """What belongs to places, (channels, steps, ...) of each recording."""
        found, start = [], 0
        for sound in rows.sounds:
            steps, channels = self._steps(sound), sound.channels
            stop = start + channels * max(steps, self.window)
            part = values[start:stop].reshape(channels, -1, *values.shape[1:])
            found.append(part[:, :steps])
            start = stop
        return found

    def features(self, entries: NDArray[Any]) -> NDArray[np.float64]:
        """Samples, or log powers, (..., bands), of entries."""
        found: NDArray[np.float64] = entries * np.array(self.scale) + self.center
        return found

    def back(self, entries: NDArray[np.float32], rows: Recordings | None = None) -> Any:
        """Recordings that entries stand for, as those of ``rows`` are.

        Entries are rows of one place each, (places, bands); without ``rows`` they are
        windows, (n, bands, steps), and of frames only log powers can be told.
        """
        if rows is None:
            made = self.features(np.moveaxis(entries, 1, 2)).astype(np.float32)
            return made[..., 0] if self.mel is None else made
        features = self.features(entries)
        channels = self._channels(rows)
        sounds = []
        for sound, parts in zip(
            rows.sounds, self.by_recording(features, rows), strict=True
        ):
            waves = [self._wave(part, next(channels), sound) for part in parts]
            together = np.stack(waves, 1).reshape(sound.samples.shape)
            sounds.append(sound._replace(samples=as_before(together, sound)))
        return close_recordings(sounds, rows.holder)

    def _wave(
        self, features: NDArray[np.float64], channel: Channel, sound: Sound
    ) -> NDArray[Any]:
        """Samples of a channel, at the rate of its recording."""
        wave = torch.from_numpy(features[:, 0].astype(np.float32))
        if self.mel is not None:
            meant = torch.from_numpy(features.astype(np.float32))
            change = meant - features_of(channel, self.said, self.mel)
            wave = self.mel.changed(channel.wave, change)
        made = wave.numpy() * np.float32(channel.loudness)
        if sound.rate == self.rate:
            return made
        again = resampled(made, self.rate, sound.rate)[: len(sound.samples)]
        return np.pad(again, (0, len(sound.samples) - len(again)))

    def _channels(self, rows: Recordings) -> Iterator[Channel]:
        """Every channel of every recording."""
        for place, sound in enumerate(rows.sounds):
            if sound.rate != self.rate and self.said.rate is None:
                raise DataError(
                    f"{called(sound.name, place)} has {sound.rate:,} samples per "
                    f"second, and those of fitting have {self.rate:,}: fit with "
                    f"kind=Audio(rate={self.rate}), and it is resampled."
                )
            yield from channels_of(sound, self.said, self.rate)

    def _entries(self, channel: Channel) -> torch.Tensor:
        """Entries (steps, bands) of one channel."""
        features = features_of(channel, self.said, self.mel)
        center, scale = (torch.tensor(v) for v in (self.center, self.scale))
        return (features - center) / scale

    def _steps(self, sound: Sound) -> int:
        """Frames or samples of a recording, at the rate of the model."""
        samples = -(-len(sound.samples) * self.rate // sound.rate)
        return samples if self.mel is None else self.mel.steps(samples)

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` is the inverse."""
        return {
            "form": self.form,
            "said": self.said.to_dict(),
            "rate": self.rate,
            "window": self.window,
            "center": [float(c).hex() for c in self.center],
            "scale": [float(s).hex() for s in self.scale],
            "holder": self.holder,
            "missing": self.missing,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` wrote."""
        return cls(
            Audio(**data["said"]),
            int(data["rate"]),
            int(data["window"]),
            [float.fromhex(c) for c in data["center"]],
            [float.fromhex(s) for s in data["scale"]],
            holder=data["holder"],
            missing=bool(data["missing"]),
        )


class SoundLearner:
    """Learns rate, length and powers of recordings: `update`, then `finish`."""

    def __init__(
        self,
        rows: Recordings,
        content: Content | None = None,
        wish: Audio | None = None,
    ) -> None:
        if content not in {"real", None}:
            raise RecipeError(
                f"Sound is real numbers, and the likelihood wants a {content!r}. Use "
                f"likelihood='mse'."
            )
        self.wish, self.holder = wish or Audio(), rows.holder
        self.rate = self.wish.rate or rows.sounds[0].rate
        waves = self.wish.view == "wave"
        self.mel = None if waves else Mel(self.rate, self.wish.bands)
        self.moments = Moments(1 if waves else self.wish.bands)
        self.lengths: set[int] = set()

    def update(self, rows: Recordings) -> Self:
        """Learn from some recordings."""
        some: list[torch.Tensor] = []
        for place, sound in enumerate(rows.sounds):
            if sound.rate != self.rate and self.wish.rate is None:
                raise DataError(
                    f"{called(sound.name, place)} has {sound.rate:,} samples "
                    f"per second, and others have {self.rate:,}: say to which they are "
                    f"to be resampled, as kind=Audio(rate={self.rate})."
                )
            for channel in channels_of(sound, self.wish, self.rate):
                some.append(features_of(channel, self.wish, self.mel))
                self.lengths.add(len(some[-1]))
                if len(some) >= FEW:
                    self._take_in(some)
        self._take_in(some)
        return self

    def merge(self, other: Self) -> Self:
        """Learn what another learner has learned from other recordings."""
        if other.rate != self.rate:
            raise DataError(
                f"Recordings have {self.rate:,} and {other.rate:,} samples per second: "
                f"say to which they are to be resampled, as kind=Audio(rate=...)."
            )
        self.moments.merge(other.moments)
        self.lengths |= other.lengths
        return self

    def finish(self) -> Sounds:
        """Settle how features become entries, and how long windows are."""
        bands = list(range(len(self.moments.count)))
        scale = self.moments.deviation(bands).tolist()
        center = self.moments.mean(bands).tolist() if self.mel is not None else [0.0]
        window = self._window()
        return Sounds(
            self.wish,
            self.rate,
            window,
            center,
            [s or 1.0 for s in scale],
            holder=self.holder,
            missing=min(self.lengths) < window,
        )

    def _take_in(self, some: list[torch.Tensor]) -> None:
        if some:
            self.moments.update(torch.cat(some).numpy().astype(np.float64))
            some.clear()

    def _window(self) -> int:
        """Steps of a window: of all that there is, at most."""
        seconds = self.wish.seconds or SECONDS["wave" if self.mel is None else "mel"]
        samples = round(seconds * self.rate)
        steps = samples if self.mel is None else self.mel.steps(samples)
        return max(min(steps, max(self.lengths)), FEWEST)


def _firsts(rows: Recordings) -> list[int]:
    """Among all channels, the first of each recording."""
    return [0, *accumulate(sound.channels for sound in rows.sounds)][:-1]
