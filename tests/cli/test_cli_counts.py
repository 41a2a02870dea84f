"""Counts on the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import io, sparse

import isthmus
from isthmus.cli.program import run

X = np.random.default_rng(0).poisson(0.6, size=(60, 20))


@pytest.fixture
def file(tmp_path):
    """A sparse matrix as scipy writes it."""
    sparse.save_npz(tmp_path / "counts.npz", sparse.csr_array(X))
    return str(tmp_path / "counts.npz")


def fitted(file, *words):
    """Where the model is that these words fit."""
    out = file + ".isthmus"
    few = ["--size", "2", "--epochs", "2"]
    assert run(["fit", file, *few, *words, "--out", out]) == 0
    return out


@pytest.mark.parametrize("words", [[], ["--kind", "counts"], ["--task", "anomaly"]])
def test_a_sparse_file_is_taken_for_counts(file, words, capfd):
    model = fitted(file, *words)
    said = capfd.readouterr().err
    assert ("Read as counts" in said) == ("--kind" not in words)
    assert "60 rows, 20 columns" in said
    loaded = isthmus.load(model)
    assert run(["score", model, file, "--json", "--explain", "--top", "3"]) == 0
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    scores = loaded.score_samples(sparse.csr_array(X))
    assert [row["score"] for row in told] == sorted(scores)[:3]
    assert "expected" in told[0]["why"]


def test_every_question_takes_a_sparse_file(file, tmp_path, capfd):
    model = fitted(file, "--quiet")
    io.mmwrite(tmp_path / "counts.mtx", sparse.coo_array(X))
    out = tmp_path / "rebuilt.parquet"
    assert run(["reconstruct", model, file, "--out", str(out)]) == 0
    rebuilt = pd.read_parquet(out).drop(columns="row").to_numpy()
    assert np.array_equal(rebuilt, isthmus.load(model).reconstruct(X))
    capfd.readouterr()
    assert run(["evaluate", model, str(tmp_path / "counts.mtx"), "--json"]) == 0
    figures = json.loads(capfd.readouterr().out)
    assert figures["loss"] == pytest.approx(isthmus.load(model).evaluate(X)["loss"])
    picture = str(tmp_path / "codes.png")
    assert run(["encode", model, file, "--picture", picture]) == 0
    assert run(["info", model]) == 0
    assert "counts" in capfd.readouterr().out
    assert run(["fit", file, "--dry-run"]) == 0
    assert "60 rows, 20 columns" in capfd.readouterr().out


def test_a_table_may_hold_counts(tmp_path, capfd):
    frame = pd.DataFrame(X, columns=[f"gene{j}" for j in range(20)])
    frame["cell"] = [f"c{i}" for i in range(60)]
    frame.to_csv(tmp_path / "cells.csv", index=False)
    model = fitted(str(tmp_path / "cells.csv"), "--kind", "counts", "--id", "cell")
    assert isthmus.load(model).recipe_.likelihood.kind() == "negative_binomial"
    assert run(["score", model, str(tmp_path / "cells.csv"), "--top", "1"]) == 0
    assert "cell" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: np.savez(p, a=X), "holds 'a', and no matrix"),
        (lambda p: Path(p).write_bytes(b"PK no"), "is no .npz file, or only a part"),
        (lambda p: sparse.save_npz(p, sparse.csr_array(X - 1)), "no counts"),
        (lambda p: sparse.save_npz(p, sparse.csr_array(X / 3)), "no counts"),
    ],
)
def test_a_bad_file_is_named(spoil, said, file, capfd):
    spoil(file)
    assert run(["fit", file]) == 3
    error = capfd.readouterr().err
    assert said in error
    assert "counts.npz" in error


def test_columns_without_names_cannot_be_called(file, capfd):
    assert run(["fit", file, "--label", "x3"]) == 3
    assert "has no column names, so leave out --label" in capfd.readouterr().err


@pytest.mark.parametrize("words", [["tune"], ["compare"], ["impute"]])
def test_what_takes_tables_says_so(file, words, capfd):
    assert run([*words, file]) == 3
    assert "holds a sparse matrix, and this takes tables" in capfd.readouterr().err


@pytest.mark.parametrize("task", ["denoiser", "sampler", "classifier"])
def test_tasks_that_know_no_counts_say_so(file, task, capfd):
    words = ["--task", task, "--kind", "counts", "--dry-run"]
    assert run(["fit", file, *words]) == 3
    assert "Got counts, which Autoencoder takes" in capfd.readouterr().err


def test_what_is_wrong_in_a_table_of_counts_is_told_with_its_file(tmp_path, capfd):
    (tmp_path / "cells.csv").write_text("a,b\n1,2\n3,-4\n5,6\n")
    assert run(["fit", str(tmp_path / "cells.csv"), "--kind", "counts"]) == 3
    assert "cells.csv: Row 1, column 'b' holds -4" in capfd.readouterr().err


def test_a_folder_of_tables_of_counts_is_read(tmp_path):
    (tmp_path / "tables").mkdir()
    names = [f"gene{j}" for j in range(X.shape[1])]
    for k in range(2):
        table = pd.DataFrame(X[30 * k : 30 * k + 30], columns=names)
        table.to_parquet(tmp_path / "tables" / f"{k}.parquet")
    folder = str(tmp_path / "tables")
    assert run(["fit", folder, "--kind", "counts", "--epochs", "1"]) == 0
    assert run(["encode", "model.isthmus", folder, "--out", "codes.csv"]) == 0
    assert len(pd.read_csv("codes.csv")) == len(X)
