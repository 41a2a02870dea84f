"""Labels on the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from isthmus.cli.program import run

QUICK = ["--epochs", "2", "--quiet"]
SHORT = ["--set", "steps=2"]


@pytest.fixture
def file(tmp_path):
    """Rows of two kinds, of which half say which."""
    rng = np.random.default_rng(0)
    kind = np.arange(80) % 2
    frame = pd.DataFrame(rng.normal(size=(80, 3)) + 4 * kind[:, None], columns=[*"abc"])
    frame["size"] = frame["a"] * 10
    frame["kind"] = np.where(kind, "big", "small")
    frame.to_csv(tmp_path / "whole.csv", index=False)
    frame.loc[::3, ["kind", "size"]] = None
    frame.to_csv(tmp_path / "some.csv", index=False)
    return tmp_path / "some.csv"


def fitted(file, *words):
    out = str(file.with_name("m.isthmus"))
    assert run(["fit", str(file), *QUICK, *words, "--out", out]) == 0
    return out, str(file.with_name("whole.csv"))


def test_empty_cells_are_no_label(file, capfd):
    words = ["--task", "classifier", *SHORT, "--label", "kind", "--ignore", "size"]
    model, whole = fitted(file, *words)
    assert run(["predict", model, whole, "--proba", "--json", "--label", "kind"]) == 0
    out, told = capfd.readouterr()
    row = json.loads(out.splitlines()[1])
    assert row["predicted"] == "big"
    assert row["p_big"] == row["probability"] == pytest.approx(1 - row["p_small"])
    assert "kind: rows 80, accuracy 1" in told
    assert run(["evaluate", model, whole, "--label", "kind"]) == 0
    assert "accuracy" in capfd.readouterr().out


def test_numbers_are_predicted(file, capfd):
    words = ["--task", "regressor", *SHORT, "--label", "size", "--ignore", "kind"]
    model, whole = fitted(file, *words)
    assert run(["predict", model, whole, "--label", "size"]) == 0
    out, told = capfd.readouterr()
    assert out.startswith('"row","predicted"\n')
    assert "r2 1," in told


def test_fitting_says_which_labels_there_are(file, capfd):
    words = ["--task", "classifier", *SHORT, "--label", "kind", "--ignore", "size"]
    assert run(["fit", str(file), "--epochs", "2", *words]) == 0
    told = capfd.readouterr().err
    assert "labels: 53 of 80 rows have a kind (big 27, small 26)" in told
    assert "labels that were left out: accuracy 1 " in told
    assert "FILE --label kind" in told


def test_a_model_that_predicts_needs_labels(file, capfd):
    assert run(["fit", str(file), "--task", "classifier", "--quiet"]) == 2
    assert "needs --label COLUMN" in capfd.readouterr().err


def test_other_models_predict_nothing(file, capfd):
    model, whole = fitted(file, "--ignore", "kind,size")
    assert run(["predict", model, whole]) == 4
    assert "--task classifier" in capfd.readouterr().err
