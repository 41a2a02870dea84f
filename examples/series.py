"""Watch the boilers of two houses: water turns cold, and a meter counts twice.

python examples/series.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import isthmus
from isthmus.plots import draw_series

START, LEARNED = pd.Timestamp("2024-01-08"), pd.Timestamp("2024-02-05")
SILENT = pd.Timestamp("2024-01-17 00:00"), pd.Timestamp("2024-01-17 05:00")
SENSORS = ["outside", "water", "gas"]
FAULTS = {  # what is wrong, from when to when
    "water": (pd.Timestamp("2024-02-06 05:00"), pd.Timestamp("2024-02-06 08:00")),
    "gas": (pd.Timestamp("2024-02-08 14:00"), pd.Timestamp("2024-02-08 16:00")),
}


def readings(house: str, days: int, rng: np.random.Generator) -> pd.DataFrame:
    """A boiler, every quarter of an hour: the colder it is, the hotter the water."""
    at = pd.date_range(START, periods=days * 96, freq="15min")
    hours = np.arange(len(at)) / 4
    phase = rng.uniform(0, 6)
    weather = 3 * np.sin(hours / 31 + phase) + 2 * np.sin(hours / 13 + 2 * phase)
    outside = 4 - 4 * np.cos(2 * np.pi * (hours - 3) / 24) + weather
    night = (at.hour < 5) | (at.hour >= 22)
    wanted = 62 - 1.5 * outside - 8 * night
    water = np.empty(len(at))
    water[0] = wanted[0]
    for i in range(1, len(at)):  # what is heated follows slowly
        water[i] = water[i - 1] + 0.35 * (wanted[i] - water[i - 1])
    gas = (water - outside) / 20 + 0.3 * np.diff(water, prepend=water[0]).clip(0)
    table = pd.DataFrame({"at": at, "house": house, "outside": outside})
    table["water"] = water + rng.normal(0, 0.4, len(at))
    table["gas"] = gas * rng.normal(1, 0.02, len(at))
    table["outside"] += rng.normal(0, 0.2, len(at))
    return table


def break_down(table: pd.DataFrame) -> pd.DataFrame:
    """In house a, water that is not heated for a while, and gas that counts twice."""
    table = table.copy()
    cold, twice = (
        (table["house"] == "a") & table["at"].between(*span) for span in FAULTS.values()
    )
    table.loc[cold, "water"] -= 12
    table.loc[twice, "gas"] *= 2
    return table


def main(out: Path) -> tuple[pd.Series, float]:
    """The share of each fault that is flagged, and of the other rows."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    table = pd.concat([readings(house, 35, rng) for house in "ab"], ignore_index=True)
    known = table[(table["at"] < LEARNED) & ~table["at"].between(*SILENT)]  # a gap
    new = break_down(table[table["at"] >= LEARNED])

    kind = isthmus.Series(time="at", by="house", window=48)
    autoencoder = isthmus.Autoencoder(size=8, epochs=40)
    detector = isthmus.AnomalyDetector(
        kind=kind, autoencoder=autoencoder, fpr=0.01, verbose=0
    ).fit(known)
    alarm, why = detector.predict(new) == -1, detector.explain(new)
    blamed = why.contributions[SENSORS].idxmin(axis=1)
    days = new["at"].dt.date[alarm].rename("day")
    print(pd.crosstab(days, blamed[alarm].rename("alarms by sensor")).to_string())

    here = (new["house"] == "a").to_numpy()
    draw_series(
        out / "series.png",
        {name: new[name][here].to_numpy() for name in SENSORS},
        {name: why.expected[name][here].to_numpy() for name in SENSORS},
        scores=detector.score_samples(new)[here],
        offset=detector.offset_,
        times=new["at"][here].to_numpy(),
    )
    print(f"wrote {out / 'series.png'}")
    spans = {name: here & new["at"].between(*span) for name, span in FAULTS.items()}
    found = pd.Series({name: alarm[rows].mean() for name, rows in spans.items()})
    return found, float(alarm[~np.any(list(spans.values()), axis=0)].mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Watch the boilers of two houses.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
