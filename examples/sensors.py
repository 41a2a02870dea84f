"""Watch the sensors of a pump: one sticks, another drifts.

python examples/sensors.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure

import isthmus

MONDAY, LEARNED = pd.Timestamp("2024-05-06"), pd.Timestamp("2024-06-03")
FAULTS = {  # which sensor, from when to when
    "temperature": (pd.Timestamp("2024-06-04 12:00"), pd.Timestamp("2024-06-05 12:00")),
    "pressure": (pd.Timestamp("2024-06-06"), pd.Timestamp("2024-06-08")),
}


def readings(days: int, rng: np.random.Generator) -> pd.DataFrame:
    """A pump, every ten minutes: fast on working days, cleaned on Wednesday nights."""
    at = pd.Series(pd.date_range(MONDAY, periods=days * 144, freq="10min"))
    hour, weekday, rows = at.dt.hour, at.dt.day_of_week, len(at)
    mode = np.where((weekday < 5) & hour.between(6, 19), "fast", "slow")
    mode = np.where((weekday == 2) & (hour == 22), "cleaning", mode)
    share = np.where(mode == "fast", 1, 0.4) + rng.normal(0, 0.02, rows)
    weather = 2 * np.sin(np.arange(rows) / 500) + rng.normal(0, 0.5, rows)
    table = pd.DataFrame({"speed": 1450 * share, "power": 0.5 + 11 * share**3})
    table["flow"] = 80 * share * np.where(mode == "cleaning", 0.3, 1)
    table["pressure"] = 2 + 4 * share**2 - table["flow"] / 100
    table["outside"] = 16 - 6 * np.cos(2 * np.pi * (hour - 3) / 24) + weather
    table["temperature"] = 20 + table["outside"] + 2.2 * table["power"]
    table["vibration"] = rng.lognormal(-0.5, 0.15, rows) * np.where(share > 0.7, 1, 2)
    table *= rng.normal(1, 0.01, table.shape)
    lost = rng.random(table.shape) < 0.02
    return table.round(2).mask(lost).assign(at=at, mode=mode)


def break_down(table: pd.DataFrame) -> pd.DataFrame:
    """A temperature that stands still, and a pressure that creeps up by 2 bar."""
    table = table.copy()
    stuck, drifting = (table["at"].between(*span) for span in FAULTS.values())
    table.loc[stuck, "temperature"] = table["temperature"][stuck].iloc[0]
    table.loc[drifting, "pressure"] += np.linspace(0, 2, drifting.sum())
    return table


def draw(path: Path, new: pd.DataFrame, odd: pd.Series, expected: pd.DataFrame) -> None:
    """The two sensors beside what was expected of them, and how odd each row is."""
    figure = Figure(figsize=(9, 6), dpi=130, layout="constrained")
    lines = figure.subplots(3, 1, sharex=True)
    for axes, column in zip(lines, FAULTS, strict=False):
        axes.plot(new["at"], expected[column], color="C0", lw=0.8, label="expected")
        axes.plot(new["at"], new[column], color="k", lw=0.8, label=column)
        axes.axvspan(*FAULTS[column], color="C3", alpha=0.15, lw=0)
        axes.legend(frameon=False, ncols=2, loc="upper right")
    lines[-1].scatter(new["at"], odd, s=4, color="k", lw=0)
    lines[-1].set(yscale="log", ylabel="how odd (nats)")
    lines[-1].xaxis.set_major_formatter(DateFormatter("%a %d"))
    for axes in lines:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main(out: Path) -> pd.DataFrame:
    """Learn four weeks, watch the fifth: the share of each fault found, and named."""
    out.mkdir(parents=True, exist_ok=True)
    table = readings(35, np.random.default_rng(0))
    known, new = table[table["at"] < LEARNED], break_down(table[table["at"] >= LEARNED])

    # the encoder sees the time, but it is not judged: every new row is later than known
    seen = isthmus.Columns(weights={"at": 0})
    autoencoder = isthmus.Autoencoder(columns=seen, epochs=30)
    detector = isthmus.AnomalyDetector(autoencoder=autoencoder, verbose=0).fit(known)
    alarm, why = detector.predict(new) == -1, detector.explain(new)
    blamed = why.contributions.idxmin(axis=1)

    days = new["at"].dt.date[alarm].rename("day")
    print(pd.crosstab(days, blamed[alarm].rename("alarms by sensor")).to_string())
    draw(out / "sensors.png", new, -detector.score_samples(new), why.expected)
    print(f"wrote {out / 'sensors.png'}")
    spans = {name: new["at"].between(*span) for name, span in FAULTS.items()}
    found = {
        name: (alarm[rows].mean(), (blamed[rows & alarm] == name).mean())
        for name, rows in spans.items()
    }
    return pd.DataFrame(found, index=["found", "named"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Watch the sensors of a pump.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
