"""Find fraudulent card payments, though nobody says what a fraud looks like.

python examples/fraud.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score

import isthmus

SHOPS = {  # share of payments, share of these online, usual hour, usual amount
    "groceries": (0.34, 0.02, 17, 35),
    "fuel": (0.13, 0.0, 8, 55),
    "restaurant": (0.20, 0.0, 20, 28),
    "clothing": (0.12, 0.4, 15, 60),
    "electronics": (0.06, 0.5, 16, 180),
    "travel": (0.06, 0.8, 20, 240),
    "cash": (0.09, 0.0, 12, 80),
}
FRAUDS = {  # shop, channel, PIN, country, kilometres; hour, amount; colour
    "number stolen": (["electronics", "online", False, "US", np.nan], 3, 700, "C1"),
    "card copied": (["cash", "chip", False, "US", 6500], 4, 400, "C3"),
    "number tried": (["fuel", "online", False, "GB", np.nan], 23, 1, "C0"),
}
FAR = {"FR": 12, "CH": 400, "GB": 700, "US": 6500}  # kilometres from home
NEW_YEAR, MINUTE = pd.Timestamp("2024-01-01"), pd.Timedelta(1, "min")


def payments(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """A year of honest payments: more of them in December, abroad in summer."""
    day = rng.choice(364, rows, p=np.r_[np.full(330, 1), np.full(34, 2)] / 398)
    shop = rng.choice(list(SHOPS), rows, p=[share for share, *_ in SHOPS.values()])
    _, online, hour, usual = np.array([SHOPS[name] for name in shop]).T
    web = rng.random(rows) < online
    clock = rng.normal(60 * np.where(web, 20, hour), 120) % 1440 // 1
    away = rng.random(rows) < np.where((day > 180) & (day < 245), 0.2, 0.05)
    country = np.where(away, rng.choice(["CH", "CH", "GB", "US"], rows), "FR")
    far = [FAR[name] for name in country] * rng.lognormal(0, 0.4, rows)
    amount = usual * rng.lognormal(0, 0.6, rows)
    touch = (rng.random(rows) < 0.8) & (amount < 50) & (shop != "cash")
    channel = np.where(web, "online", np.where(touch, "contactless", "chip"))
    table = pd.DataFrame({"paid": NEW_YEAR + (1440 * day + clock) * MINUTE})
    table["shop"], table["channel"] = shop, channel
    table["pin"] = (channel == "chip") & (rng.random(rows) < 0.97)
    table["country"], table["distance"] = country, np.where(web, np.nan, far)
    return table.assign(amount=amount.round(2))


def defraud(table: pd.DataFrame, each: int, rng: np.random.Generator) -> pd.Series:
    """Turn some payments into frauds; say which became what."""
    became = pd.Series("payment", table.index)
    chosen = rng.permutation(len(table))[: 3 * each].reshape(3, each)
    for rows, (name, fraud) in zip(chosen, FRAUDS.items(), strict=True):
        cells, hour, amount, _ = fraud
        table.loc[rows, ["shop", "channel", "pin", "country", "distance"]] = cells
        table.loc[rows, "amount"] = (amount * rng.lognormal(0, 0.4, each)).round(2)
        clock = rng.normal(60 * hour, 60, each) % 1440 // 1 * MINUTE
        table.loc[rows, "paid"] = table["paid"][rows].dt.floor("D") + clock
        became[rows] = name
    return became


def draw(path: Path, paid: pd.Series, odd: pd.Series, became: pd.Series) -> None:
    """How odd each payment is, over the year."""
    figure = Figure(figsize=(9, 4.5), dpi=130, layout="constrained")
    axes = figure.subplots()
    axes.scatter(paid, odd, s=5, color="#c3c8d2", lw=0, label="payment")
    for name, (*_, colour) in FRAUDS.items():
        here = became == name
        axes.scatter(paid[here], odd[here], s=28, color=colour, lw=0, label=name)
    axes.set(yscale="log", ylabel="how odd (nats)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, ncols=4, loc="outside upper left")
    figure.savefig(path)


def main(out: Path) -> tuple[float, float]:
    """Learn from cards that were checked, watch others: precision, and by chance."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    checked, watched = payments(5000, rng), payments(4000, rng)
    became = defraud(watched, 12, rng)

    autoencoder = isthmus.Autoencoder(epochs=30)
    detector = isthmus.AnomalyDetector(autoencoder=autoencoder, verbose=0).fit(checked)
    odd = pd.Series(-detector.score_samples(watched), watched.index)
    fraud = became != "payment"
    precision, chance = average_precision_score(fraud, odd), fraud.mean()
    print(f"average precision {precision:.2f}; in random order {chance:.2f}")

    for name, row in odd[fraud].groupby(became[fraud]).idxmax().items():
        why = detector.explain(watched.loc[[row]])
        print(f"{name}, {odd[row]:.0f} nats:")
        for column in why.contributions.loc[row].nsmallest(3).index:
            actual, expected = why.actual[column][row], why.expected[column][row]
            print(f"    {column}: {actual}, where {expected} was expected")
    draw(out / "fraud.png", watched["paid"], odd, became)
    print(f"wrote {out / 'fraud.png'}")
    return precision, chance


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Find fraudulent card payments.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
