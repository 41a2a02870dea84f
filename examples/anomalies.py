"""Find malignant tumours, having seen benign ones alone, and say what is odd in them.

python examples/anomalies.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import isthmus
from isthmus.plots import draw_reasons, draw_scores


def tumours() -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Benign ones to learn from; others, and whether they are malignant."""
    table, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    known, kept = train_test_split(table[benign == 1], test_size=0.3, random_state=0)
    new = pd.concat([kept, table[benign == 0]])
    return known, new, benign[new.index] == 0


def main(out: Path) -> tuple[float, float, float]:
    """Area under the ROC curve; shares of the malignant and of the benign flagged."""
    out.mkdir(parents=True, exist_ok=True)
    known, new, malignant = tumours()
    detector = isthmus.AnomalyDetector(  # 0: the known are all benign
        contamination=0, fpr=0.05, effort="fast", verbose=0
    ).fit(known)
    scores = detector.score_samples(new)
    area = float(roc_auc_score(malignant, -scores))
    print(f"area under the ROC curve {area:.3f}, of tumours that training has not seen")

    flagged = detector.predict(new) == -1
    found, alarms = flagged[malignant].mean(), flagged[~malignant].mean()
    print(
        f"flagged: {found:.0%} of the malignant, {alarms:.0%} of the benign; 5% asked"
    )
    for rate in (0.05, 0.2):
        some = malignant[detector.predict(new, fdr=rate) == -1]
        print(f"false discovery rate {rate:.0%}: {len(some)}, {(~some).sum()} benign")

    oddest = new.iloc[np.argsort(scores)[:4]]
    why = detector.explain(oddest)
    titles = []
    for row, score, cells in zip(
        oddest.index, np.sort(scores)[:4], why.top(3), strict=True
    ):
        titles.append(f"tumour {row}: score {score:.1f}")
        print(titles[-1])
        for cell in cells:
            print(f"    {cell}; so odd in at most {cell.tail:.1%} of the benign")
    draw_reasons(out / "reasons.png", why, titles)
    print(f"wrote {out / 'reasons.png'}")
    labels = malignant.map({True: "malignant", False: "benign"})
    draw_scores(out / "anomalies.png", scores, detector.offset_, labels)
    print(f"wrote {out / 'anomalies.png'}")
    return area, float(found), float(alarms)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Find malignant tumours.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
