"""``isthmus tune``, as it is typed."""

import json
import tomllib

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from isthmus.cli.program import run

pytest.importorskip("optuna")

QUICK = ["--set", "epochs=2", "--set", "hidden=16", "--folds", "2", "--trials", "2"]


def test_a_recipe_comes_out_and_is_trained(folder, tmp_path, capsys):
    data = str(folder / "data.csv")
    out, trials = tmp_path / "best.toml", tmp_path / "trials.csv"
    picture = tmp_path / "elbow.png"
    words = ["--ignore", "name,odd", "--out", str(out), "--table", str(trials)]
    assert run(["tune", data, *QUICK, *words, "--picture", str(picture)]) == 0
    told = capsys.readouterr()
    assert not told.out
    assert "Searching among" in told.err
    assert "default" in told.err
    assert f"isthmus fit {data} --ignore name,odd --recipe {out}" in told.err
    assert tomllib.loads(out.read_text())["training"]["epochs"] == 2
    assert trials.read_text().count("\n") == 3
    assert picture.stat().st_size > 1000
    assert run(["fit", data, "--ignore", "name,odd", "--recipe", str(out)]) == 0


def test_the_space_is_printed_edited_and_given_back(folder, tmp_path, capsys):
    data = str(tmp_path / "labelled.csv")
    table = csv.read_csv(folder / "data.csv")
    odd = pa.array([i % 3 for i in range(120)])
    csv.write_csv(table.drop(["odd"]).append_column("odd", odd), data)
    assert run(["tune", data, "--ignore", "name", "--dry-run", "--label", "odd"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["size"] == {"low": 1, "high": 8, "log": True}
    space = tmp_path / "space.toml"
    space.write_text('size = [2]\npreset = ["masked"]\n')
    words = ["--space", str(space), "--ignore", "name", "--label", "odd", "--json"]
    assert run(["tune", data, *QUICK, *words, "--quiet"]) == 0
    told = capsys.readouterr()
    assert not told.err
    found = json.loads(told.out)
    assert found["measure"].startswith("wrong labels")
    assert found["finals"][0]["name"] == "default"
    assert found["recipe"]["task"] == "autoencoder"


def test_a_detector_is_searched_and_trained(tmp_path, capsys):
    rng = np.random.default_rng(0)
    z, odd = rng.normal(size=90), np.arange(90) % 8 == 0
    pairs = np.where(odd, rng.permutation(z), z) + 0.1 * rng.normal(size=90)
    data, out = str(tmp_path / "parts.csv"), tmp_path / "best.toml"
    faulty = np.where(odd, "yes", "no")
    csv.write_csv(pa.table({"a": z, "b": pairs, "c": -z, "faulty": faulty}), data)
    words = ["--task", "anomaly", "--label", "faulty", "--set", "effort=fast"]
    words += ["--epochs", "5", "--folds", "2", "--trials", "1", "--out", str(out)]
    assert run(["tune", data, *words]) == 0
    assert "normal rows odder than an anomaly (yes)" in capsys.readouterr().err
    assert tomllib.loads(out.read_text())["task"] == "anomaly"
    model = str(tmp_path / "model.isthmus")
    words = ["--label", "faulty", "--recipe", str(out), "--out", model]
    assert run(["fit", data, *words]) == 0
    assert run(["tune", data, "--task", "anomaly", "--ignore", "faulty"]) == 2
    assert "with labels, of the task anomaly" in capsys.readouterr().err


def test_a_wrong_space_is_a_usage_error(folder, tmp_path, capsys):
    space = tmp_path / "space.toml"
    space.write_text("size = 2\n")
    assert run(["tune", str(folder / "data.csv"), "--space", str(space)]) == 2
    assert "size must be a list of choices" in capsys.readouterr().err


def test_a_label_that_is_nearly_always_the_same_is_refused(folder, capsys):
    words = ["--ignore", "name", "--label", "odd"]
    assert run(["tune", str(folder / "data.csv"), *QUICK, *words]) == 3
    assert "two labels that occur 10 times" in capsys.readouterr().err


def test_presets_are_compared(folder, tmp_path, capsys):
    data, out = str(folder / "data.csv"), tmp_path / "presets.csv"
    words = ["compare", data, "--ignore", "name,odd", "--epochs", "2", "--quiet"]
    words += ["--presets", "linear,masked"]
    assert run(words) == 0
    told = capsys.readouterr()
    assert not told.err
    assert [line.split()[0] for line in told.out.splitlines()] == [
        *("preset", "linear", "masked", "PCA")
    ]
    picture = tmp_path / "presets.png"
    assert run([*words, "--json", "--out", str(out), "--picture", str(picture)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["preset"] for row in rows] == ["linear", "masked", "PCA"]
    assert out.read_text().count("\n") == 4
    assert picture.stat().st_size > 1000
