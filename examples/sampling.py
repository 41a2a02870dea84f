"""Make rows of patients who do not exist, and see what they are worth.

python examples/sampling.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import isthmus


def main(out: Path) -> tuple[float, float, int]:
    """How well made and real rows teach the diagnosis, and how many are memorised."""
    out.mkdir(parents=True, exist_ok=True)
    bunch = load_breast_cancer(as_frame=True)
    tumours = bunch.data.iloc[:, :7].round(3)
    tumours["diagnosis"] = bunch.target.map({0: "malignant", 1: "benign"})
    known, others = train_test_split(tumours, test_size=0.5, random_state=0)

    sampler = isthmus.Sampler(verbose=0).fit(known)
    print(sampler.sample(5, random_state=0))
    large = sampler.sample(200, given={"mean radius": 18.0}, random_state=0)
    share = (large["diagnosis"] == "malignant").mean()
    print(f"{share:.0%} of made tumours with a radius of 18 are malignant")

    report = sampler.report(known, others, target="diagnosis", n=1000)
    print(report)
    report.draw(out / "sampling.png")
    print(f"wrote {out / 'sampling.png'}")
    (told,) = report.utility
    return told.made, told.real, report.privacy.memorised


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make rows that are like real ones.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
