"""Tell birds apart by the codes of their calls, and take noise from these.

python examples/audio.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from sklearn.linear_model import LogisticRegression

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.plots import draw_spectrograms

RATE = 8000
SONGS = {"rising": (1, 0), "falling": (-1, 0), "steady": (0, 0), "trill": (0, 1)}


def call(song: str, rng: np.random.Generator) -> np.ndarray:
    """A third of a second of a whistle, at a pitch and of a loudness of its own."""
    t = np.arange(int(rng.uniform(0.25, 0.4) * RATE)) / RATE
    slope, depth = SONGS[song]
    pitch = rng.uniform(1200, 1800) * (1 + 2 * slope * (t - t.mean()))
    pitch = pitch + 200 * depth * np.sin(2 * np.pi * 30 * t)
    whistle = np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
    loud = rng.uniform(0.1, 0.8) * np.hanning(len(t))
    return np.int16(32767 * loud * whistle + rng.normal(0, 20, len(t)))


def recordings(folder: Path, count: int, rng: np.random.Generator) -> np.ndarray:
    """Write WAV files; the song of each."""
    folder.mkdir(parents=True, exist_ok=True)
    songs = rng.choice(list(SONGS), count)
    for k, song in enumerate(songs):
        wavfile.write(folder / f"{k:03}.wav", RATE, call(song, rng))
    return songs


def error(some: list, clean: list) -> float:
    """Power of what is wrong, over that of what is clean, mean over recordings."""
    parts = [
        np.square(a[1] - c[1].astype(float)).sum() / np.square(c[1].astype(float)).sum()
        for a, c in zip(some, clean, strict=True)
    ]
    return float(np.mean(parts))


def main(out: Path) -> tuple[float, float]:
    """Share of new calls that codes tell right, and share of the noise that is left."""
    rng = np.random.default_rng(0)
    known = recordings(out / "known", 200, rng)
    songs = recordings(out / "new", 60, rng)

    model = isthmus.winner_take_all(
        size=128, architecture=Mlp(hidden=()), epochs=15, verbose=0
    ).fit(out / "known")
    probe = LogisticRegression(max_iter=1000)
    probe.fit(model.transform(out / "known"), known)
    told = probe.score(model.transform(out / "new"), songs)
    print(f"codes tell {told:.0%} of the songs right")

    short = isthmus.Training(epochs=3, batch_size=8, learning_rate=3e-3)
    denoiser = isthmus.Denoiser(noise=(0.2, 1), training=short, verbose=0)
    denoiser.fit(out / "known")
    clean = [wavfile.read(path) for path in sorted((out / "new").iterdir())]
    noisy = [
        (rate, np.int16(x + 0.5 * x.std() * rng.normal(size=len(x))))
        for rate, x in clean
    ]
    cleaned = denoiser.transform(noisy)
    left = error(cleaned, clean) / error(noisy, clean)
    print(f"{left:.0%} of the power of the noise is left")
    wavfile.write(out / "noisy.wav", *noisy[0])
    wavfile.write(out / "cleaned.wav", *cleaned[0][:2])
    pairs = list(zip(noisy[:2], cleaned[:2], strict=True))
    draw_spectrograms(out / "audio.png", pairs, list(songs[:2]))
    print(f"wrote {out / 'audio.png'}")
    return told, left


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Songs of birds.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
