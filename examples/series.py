"""Watch a machine as its readings come, and see what was expected instead.

python examples/series.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import isthmus
from isthmus.plots import draw_series

FAULT = pd.Timestamp("2024-05-16 12:00"), pd.Timestamp("2024-05-16 18:00")


def readings(start: str, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """Heat follows the load two hours later; every tenth minute, with a few gaps."""
    at = pd.date_range(start, periods=days * 144, freq="10min")
    hours = np.asarray((at - pd.Timestamp("2024-05-01")) / pd.Timedelta("1h"))
    load = 1 + np.clip(np.sin(2 * np.pi * hours / 8), 0, None)
    heat = 40 + 20 * (1 + np.clip(np.sin(2 * np.pi * (hours - 2) / 8), 0, None))
    table = pd.DataFrame({"at": at, "load": load, "heat": heat})
    table["load"] += rng.normal(0, 0.05, len(table))
    table["heat"] += rng.normal(0, 1, len(table))
    return table.drop(index=rng.choice(len(table), 20, replace=False))


def main(out: Path) -> tuple[float, float]:
    """Share of the fault that is flagged, and of what was flagged that is the fault."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    known, new = readings("2024-05-01", 12, rng), readings("2024-05-14", 4, rng)
    fault = new["at"].between(*FAULT)
    new.loc[fault, "heat"] = new["heat"][fault].iloc[0]  # the sensor sticks

    kind = isthmus.Series(time="at")
    detector = isthmus.AnomalyDetector(kind=kind, fpr=0.01, effort="fast", verbose=0)
    detector.fit(known)
    hours = [part for _, part in new.groupby(new["at"].dt.floor("1h"))]
    scores = np.concatenate([detector.update(hour) for hour in hours])
    assert np.array_equal(scores, detector.score_samples(new))

    flagged = scores < detector.offset_
    soon = new["at"].between(FAULT[0], FAULT[1] + pd.Timedelta("4h"))
    found, right = flagged[fault].mean(), soon[flagged].mean()
    print(
        f"{found:.0%} of the fault was flagged, and {right:.0%} of the flags are right"
    )
    expected = detector.explain(new).expected
    shown = slice(len(new) // 4, None)
    names = ["load", "heat"]
    draw_series(
        out / "series.png",
        {name: new[name].to_numpy()[shown] for name in names},
        {name: expected[name].to_numpy()[shown] for name in names},
        scores=scores[shown],
        offset=detector.offset_,
        times=new["at"].to_numpy()[shown],
    )
    print(f"wrote {out / 'series.png'}")
    return found, right


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Watch a machine.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
