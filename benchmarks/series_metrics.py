"""How well do scores of time stamps point at anomalies that last?

VUS-PR, the volume under the surface of precision and recall (Paparrizos et al., 2022),
as the leaderboard of TSB-AD has it (Liu & Paparrizos, NeurIPS 2024): labels are widened
by a slope of every length up to a window, and the areas under the curves are averaged.
``python benchmarks/series_metrics.py`` lays it beside their package, if that is there:
pip install statsmodels, and without what it requires: pip install --no-deps tsb-ad==1.5
"""

from __future__ import annotations

import importlib.util

import numpy as np

THRESHOLDS = 250
LAGS, MOST_POINTS, SHORTEST, LONGEST, NO_PERIOD = 400, 20_000, 3, 300, 125


def period(values):
    """Where the autocorrelation of a series (time,) peaks highest; 125 if nowhere."""
    values = np.asarray(values, float)[:MOST_POINTS]
    values = values - values.mean()
    size = 2 ** int(np.ceil(np.log2(2 * len(values))))
    power = np.abs(np.fft.rfft(values, size)) ** 2
    found = np.fft.irfft(power, size)[SHORTEST : LAGS + 1]
    found = found[: max(len(values) - SHORTEST, 0)]
    peaks = 1 + np.flatnonzero((found[1:-1] > found[:-2]) & (found[1:-1] > found[2:]))
    if not power.sum() or not len(peaks):
        return NO_PERIOD
    best = peaks[np.argmax(found[peaks])]
    return int(best + SHORTEST) if SHORTEST <= best <= LONGEST else NO_PERIOD


def runs(labels):
    """The first and the last index of every run of ones: two arrays."""
    steps = np.diff(np.concatenate([[0], labels, [0]]))
    return np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1


def widened(labels, starts, ends, window):
    """Labels (time,) that fall from 1 to sqrt(1/2) over half a window, then to 0."""
    wide, half, count = labels.astype(float), window // 2, len(labels)
    for start, end in zip(starts, ends, strict=True):
        after = np.arange(end + 1, min(end + half + 1, count))
        before = np.arange(max(start - half, 0), start)
        wide[after] += np.sqrt(1 - (after - end) / window)
        wide[before] += np.sqrt(1 - (start - before) / window)
    return np.minimum(wide, 1)


def peaks_of(scores, starts, ends, half):
    """The highest score of every run, widened; runs that touch then are one."""
    apart = ends[:-1] + half < starts[1:] - half
    first = np.maximum(starts[np.concatenate([[True], apart])] - half, 0)
    last = ends[np.concatenate([apart, [True]])] + half + 1
    return np.array([scores[a:b].max() for a, b in zip(first, last, strict=True)])


def vus_pr(labels, scores, window, thresholds=THRESHOLDS):
    """VUS-PR of scores (time,), higher where odder, of labels (time,) of 0 and 1."""
    labels, scores = np.asarray(labels).astype(int), np.asarray(scores, float)
    starts, ends = runs(labels)
    order = np.argsort(-scores, kind="stable")
    at = scores[order][np.linspace(0, len(scores) - 1, thresholds).astype(int)]
    flagged = np.searchsorted(-scores[order], -at, side="right")
    hits, areas = np.cumsum(labels[order])[flagged - 1], []
    for width in range(window + 1):
        wide = widened(labels, starts, ends, width)
        found = np.cumsum(wide[order])[flagged - 1]
        highest = peaks_of(scores, starts, ends, width // 2)
        seen = (highest[:, None] >= at).mean(axis=0)
        possible = labels.sum() + (found - hits) / 2
        recall = np.minimum(found / possible, 1) * seen
        areas.append(np.diff(recall, prepend=0) @ (found / flagged))
    return float(np.mean(areas))


def compare():
    """Print figures of random series by both, and raise where they differ."""
    from TSB_AD.evaluation.basic_metrics import generate_curve  # noqa: PLC0415
    from TSB_AD.utils.slidingWindows import find_length_rank  # noqa: PLC0415

    for seed in range(12):
        rng = np.random.default_rng(seed)
        time = np.arange(rng.integers(300, 900))
        series = np.sin(time * rng.uniform(0.1, 1)) + rng.normal(size=len(time)) / 3
        labels = np.zeros(len(time), int)
        for start in rng.integers(0, len(time), rng.integers(1, 5)):
            labels[start : start + rng.integers(1, 40)] = 1
        scores = np.convolve(labels + rng.normal(size=len(time)), np.ones(5), "same")
        scores = scores.round(rng.integers(0, 4))
        lengths = period(series), find_length_rank(series[:, None])
        window = int(rng.integers(0, 60))
        ours = vus_pr(labels, scores, window)
        theirs = generate_curve(labels, scores, window)[-1]
        print(f"seed {seed}: periods {lengths}, VUS-PR {ours:.12f} {theirs:.12f}")
        if lengths[0] != lengths[1] or abs(ours - theirs) > 1e-9:
            raise ValueError("the two differ")


if __name__ == "__main__":
    if importlib.util.find_spec("TSB_AD") is None:
        raise SystemExit("The package TSB-AD is not installed: nothing to lay beside")
    compare()
