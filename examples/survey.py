"""Draw a map of the answers to a survey, and name the most surprising ones.

python examples/survey.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import isthmus

PEOPLE = {  # share, usual age, share with a car, ways to work
    "student": (0.25, 22, 0.1, ["bus", "bus", "bicycle", "bicycle", "on foot"]),
    "commuter": (0.4, 43, 0.9, ["car", "car", "car", "bus", "bicycle"]),
    "pensioner": (0.2, 72, 0.5, ["none", "none", "none", "none", "on foot"]),
    "parent": (0.15, 36, 0.8, ["car", "car", "bicycle", "bicycle", "none"]),
}
QUESTIONS = {  # how much they agree, from 1 to 5, in the order of PEOPLE
    "more night buses": (4.6, 2.4, 1.5, 2.2),
    "cheaper parking": (1.6, 4.5, 3.0, 3.4),
    "safer cycle paths": (4.3, 2.2, 2.5, 4.7),
    "more benches": (2.0, 1.6, 4.7, 3.6),
    "longer library hours": (4.5, 1.8, 3.6, 2.8),
    "new playgrounds": (1.5, 2.1, 2.4, 4.8),
}


def answers(rows: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.Series]:
    """Answers of a small town, and the group of each person, which nobody asked."""
    shares, ages, cars, ways = zip(*PEOPLE.values(), strict=True)
    group = rng.choice(len(PEOPLE), rows, p=shares)
    table = pd.DataFrame({"age": np.array(ages)[group] * rng.lognormal(0, 0.15, rows)})
    table["way to work"] = [rng.choice(ways[i]) for i in group]
    table["owns a car"] = rng.random(rows) < np.array(cars)[group]
    mood = rng.normal(0, 0.4, rows)  # some agree with everything
    for question, means in QUESTIONS.items():
        agreed = np.array(means)[group] + mood + rng.normal(0, 0.8, rows)
        table[question] = agreed.clip(1, 5)
    silent = rng.random(table.shape) < 0.08
    return table.round().mask(silent).convert_dtypes(), pd.Series(group)


def mistype(table: pd.DataFrame, count: int, rng: np.random.Generator) -> list:
    """Turn some strong answers into their opposite; say which, by row and question."""
    given = table[list(QUESTIONS)].melt(ignore_index=False, var_name="question")
    strong = given[given["value"].isin([1, 5])].sample(count, random_state=rng)
    for row, question, answer in strong.itertuples():
        table.loc[row, question] = 6 - answer
    return list(strong["question"].items())


def draw(path: Path, codes: np.ndarray, group: pd.Series) -> None:
    """Each person at the place of their code, coloured by group."""
    figure = Figure(figsize=(6.5, 6), dpi=130, layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(PEOPLE):
        x, y = codes[group == i].T
        axes.scatter(x, y, s=7, alpha=0.6, lw=0, color=f"C{i}")
        axes.text(np.median(x), np.median(y), f"{name}s", ha="center", weight="bold")
    axes.set(xlabel="first entry of the code", ylabel="second entry of the code")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main(out: Path) -> tuple[float, float]:
    """What share of people the map tells apart, and of the oddest answers was wrong."""
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    table, group = answers(2500, rng)
    wrong = mistype(table, 20, rng)

    model = isthmus.Autoencoder(size=2, epochs=30, verbose=0).fit(table)
    codes, why = model.transform(table), model.explain(table)
    told = cross_val_score(KNeighborsClassifier(15), codes, group).mean()
    print(f"the neighbours on the map tell the group of {told:.0%} of the people")

    nats = why.contributions[list(QUESTIONS)].melt(ignore_index=False)
    oddest = list(nats.nsmallest(20, "value")["variable"].items())
    for row, question in oddest[:6]:
        given, expected = why.actual[question][row], why.expected[question][row]
        age, way = table.loc[row, ["age", "way to work"]]
        print(f"age {age}, {way}: {question} {given}, where {expected} was expected")
    found = np.mean([cell in wrong for cell in oddest])
    print(f"{found:.0%} of the 20 most surprising answers were mistyped")
    draw(out / "survey.png", codes, group)
    print(f"wrote {out / 'survey.png'}")
    return told, found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Draw a map of a survey.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
