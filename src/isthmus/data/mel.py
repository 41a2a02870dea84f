"""Sound as powers in bands of frequency, frame by frame, and back."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

FRAME = 0.032
"""Seconds of a frame, about: it has a power of two of samples, and the next begins in
its middle."""

FLOOR = 1e-3
"""Power that is added to that of a band, where samples have a variance of one."""

MOST_GAIN = 4.0
"""Factor by which a band is made louder, at most."""


class Mel:
    """log(power + `FLOOR`) in triangular bands that are as wide on the mel scale.

    mel(f) = 2595 log10(1 + f / 700) (O'Shaughnessy, 1987); a band rises from the middle
    of that below to 1 at its own, and falls to that above (Davis & Mermelstein, 1980).
    """

    def __init__(self, rate: int, bands: int) -> None:
        self.frame = 1 << max(round(math.log2(FRAME * rate)), 4)
        self.hop = self.frame // 2
        self.filters = filters(rate, self.frame, bands)

    def steps(self, samples: int) -> int:
        """Frames of so many samples: one around every `hop`-th, the first included."""
        return 1 + samples // self.hop

    def log(self, wave: Tensor) -> Tensor:
        """Log powers (frames, bands) of samples (n,)."""
        power = self.spectrum(wave).abs().square() / self.frame
        logs: Tensor = (self.filters @ power + FLOOR).log().T.contiguous()
        return logs

    def spectrum(self, wave: Tensor) -> Tensor:
        """Short-time Fourier transform, (frequencies, frames)."""
        window = torch.hann_window(self.frame)
        return torch.stft(
            wave,
            self.frame,
            self.hop,
            window=window,
            pad_mode="constant",
            return_complex=True,
        )

    def changed(self, wave: Tensor, change: Tensor) -> Tensor:
        """Samples whose log powers have changed by so much, (frames, bands).

        Between the middles of bands what they say is interpolated; phases stay. Samples
        behind the middle of the last frame are in one more, which changes as that does.
        """
        samples, beyond = len(wave), -len(wave) % self.hop
        if beyond:
            wave = pad(wave, (0, beyond))
            change = torch.cat([change, change[-1:]])
        gain = (change / 2).exp().clamp(max=MOST_GAIN).T
        share = self.filters / self.filters.sum(0).clamp_min(1e-6)
        gain = share.T @ gain
        known = self.filters.sum(0) > 0  # none below the first band, and above the last
        first, last = known.nonzero()[0, 0], known.nonzero()[-1, 0]
        gain[:first], gain[last + 1 :] = gain[first], gain[last]
        return self.inverse(self.spectrum(wave) * gain, samples)

    def inverse(self, spectrum: Tensor, samples: int) -> Tensor:
        """Samples (n,) of a short-time Fourier transform, by overlap and add."""
        window = torch.hann_window(self.frame)
        return torch.istft(
            spectrum, self.frame, self.hop, window=window, length=samples
        )


def filters(rate: int, frame: int, bands: int) -> Tensor:
    """Weight of each frequency of a frame in each band, (bands, frame / 2 + 1)."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2).double() / 2595) - 1)
    low, middle, high = (edges[k : k + bands, None] for k in range(3))
    at = torch.arange(frame // 2 + 1) * (rate / frame)
    rising, falling = (at - low) / (middle - low), (high - at) / (high - middle)
    return torch.minimum(rising, falling).clamp_min(0).float()
