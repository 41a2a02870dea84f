"""A model is the same, whether it was asked for in Python or in the terminal."""

import warnings

import numpy as np
import pytest
from kinds import CASES, DIGITS
from sklearn.datasets import load_breast_cancer

from isthmus.artifacts.recipes import assemble, describe, tasks
from isthmus.errors import IsthmusError
from isthmus.estimator.wishes import kind_to_plain
from isthmus.training import Training

DATA = {
    "a table": (load_breast_cancer(as_frame=True).data[:150].iloc[:, :6], None),
    "images": (DIGITS, "images"),
    **{name: CASES[name] for name in ("an array", "sensors", "texts", "counts")},
    "sound": CASES["sound"],
}


@pytest.fixture
def short(monkeypatch):
    """One epoch, or two where steps are named."""
    plan = Training.plan

    def little(self, rows):
        return 1 if self.steps is None else 2, plan(self, rows)[1]

    monkeypatch.setattr(Training, "plan", little)


def fitted(made, X, y):
    """The tensors of a fitted model, or what is wrong with it."""
    try:
        model = made().set_params(verbose=0)
        given = [y] if "Pretrained" in type(model).__name__ else []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(X, *given).to_state().tensors
    except IsthmusError as error:
        return str(error)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("task", [t for t in tasks() if t != "recommender"])
@pytest.mark.parametrize("data", DATA)
def test_both_doors_lead_to_one_model(task, data):
    X, kind = DATA[data]
    y = np.arange(len(X)) % 2
    more = {"effort": "fast"} if task == "anomaly" else {}
    layer = {"task": task, **more}
    if kind is not None:
        layer["kind"] = kind_to_plain(kind)
    asked = tasks()[task](kind=kind, **more)
    found = fitted(lambda: asked, X, y)
    told = fitted(lambda: assemble(layer), X, y)
    if isinstance(found, str):
        assert task not in {"autoencoder", "anomaly"}  # which take every kind
        assert found == told
        return
    described = fitted(lambda: assemble(describe(asked, len(X))), X, y)
    for other in (told, described):
        assert found.keys() == other.keys()
        assert all(np.array_equal(found[n], other[n], equal_nan=True) for n in found)
