"""Recommend films to people who were never seen before, and say why.

python examples/recommend.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import isthmus
from isthmus.plots import draw_codes

GENRES = ["crime", "drama", "comedy", "western", "horror"]
FILMS = [f"{genre} {number}" for genre in GENRES for number in range(1, 25)]


def evenings(people: int, rng: np.random.Generator) -> pd.DataFrame:
    """What people saw, and when: mostly films of two genres, and hits more often."""
    fame = 1 / np.tile(np.arange(1, 25), len(GENRES)) ** 0.7
    genre = np.repeat(np.arange(len(GENRES)), 24)
    rows = []
    for person in range(people):
        liked = rng.choice(len(GENRES), 2, replace=False)
        chance = fame * np.where(np.isin(genre, liked), 1, 0.05)
        count = rng.integers(8, 20)
        seen = rng.choice(len(FILMS), count, replace=False, p=chance / chance.sum())
        rows += [(f"person {person}", FILMS[film], k) for k, film in enumerate(seen)]
    return pd.DataFrame(rows, columns=["user", "item", "time"])


def two_most(genres: pd.Series) -> set[str]:
    """The genres that somebody has seen most films of."""
    return set(genres.value_counts().index[:2])


def main(out: Path) -> tuple[float, float]:
    """Share of the recommendations that are of a liked genre, and recall@10."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    model = isthmus.Recommender(verbose=0).fit(evenings(600, rng))

    strangers = evenings(100, rng)
    found = model.recommend(strangers, top=5)
    genre = strangers["item"].str.split().str[0]
    usual = genre.groupby(strangers["user"]).agg(two_most)
    pairs = zip(found["user"], found["item"], strict=True)
    right = np.mean([item.split()[0] in usual[user] for user, item in pairs])
    recall = model.evaluate(strangers)["recall@10"]

    someone = strangers[strangers["user"] == "person 0"]
    print(f"person 0 saw {', '.join(someone['item'].head(6))}, ...")
    for why in model.explain(someone, top=3, reasons=1).itertuples():
        print(f"{why.rank}. {why.item}, because of {why.because}")
    names, _ = model.similar_items("horror 3", top=3)
    print(f"like horror 3: {', '.join(names[0])}")
    print(f"{right:.0%} are of a genre that is seen most; recall@10 {recall:.2f}")

    genres = [item.split()[0] for item in model.items_]
    draw_codes(out / "recommend.png", model.item_embeddings_, np.array(genres))
    print(f"wrote {out / 'recommend.png'}")
    return float(right), recall


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Recommend films.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
