"""Model files of earlier versions answer today as they did then."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

import isthmus

GOLDEN = Path(__file__).parent / "golden"
SCORES = json.loads((GOLDEN / "0.1.0.json").read_text(encoding="utf-8"))
MIXED = [name for name in SCORES if name.endswith(("frame", "detector"))]


def rows_of(name):
    """The rows that the model of this name was fitted to."""
    iris = load_iris(as_frame=True).data
    if name in MIXED:
        return iris
    if name.endswith("missing"):
        array = iris.to_numpy(copy=True)
        array[::7, 1] = np.nan
        return array
    digits = load_digits().data[:300, 10:30]
    return digits.astype(int) if name.endswith("count") else digits


@pytest.mark.parametrize("name", SCORES)
def test_a_model_of_an_earlier_version_scores_as_it_did(name):
    model = isthmus.load(GOLDEN / f"{name}.isthmus")
    then = [float.fromhex(score) for score in SCORES[name]]
    np.testing.assert_allclose(model.score_samples(rows_of(name))[:20], then, rtol=1e-6)


@pytest.mark.parametrize("name", SCORES)
def test_it_can_be_saved_anew(name, tmp_path):
    model = isthmus.load(GOLDEN / f"{name}.isthmus")
    isthmus.save(model, tmp_path / "again.isthmus")
    again, rows = isthmus.load(tmp_path / "again.isthmus"), rows_of(name)
    np.testing.assert_array_equal(again.score_samples(rows), model.score_samples(rows))


@pytest.mark.parametrize("name", MIXED)
def test_it_still_explains(name):
    model, rows = isthmus.load(GOLDEN / f"{name}.isthmus"), rows_of(name)
    explained = model.explain(rows)
    assert explained.actual.equals(rows)
    total = explained.contributions.to_numpy().sum(axis=1) + explained.rest
    np.testing.assert_allclose(total, model.score_samples(rows), atol=1e-6)
