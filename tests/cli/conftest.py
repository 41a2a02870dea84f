"""A table in a folder, and models of it."""

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from terminal import ANOMALY

from isthmus.cli import large
from isthmus.cli.program import run


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Files without a folder are written to a place that is thrown away."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="package")
def folder(tmp_path_factory):
    """A table with a planted odd row, and a model of each task."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 2)) @ rng.normal(size=(2, 5))
    rows[7, 3] += 30
    rows[119] /= 2  # by chance as far out, in all columns
    columns = {f"c{j}": rows[:, j] for j in range(5)}
    columns |= {"name": [f"r{i}" for i in range(120)], "odd": [0] * 120}
    columns["odd"][7] = 1
    table = pyarrow.table(columns)
    pyarrow.csv.write_csv(table, folder / "data.csv")
    pyarrow.parquet.write_table(table, folder / "data.parquet")
    both = ["--id", "name", "--label", "odd", "--quiet", "--out"]
    models = {
        "autoencoder": ["data.csv", "--epochs", "20"],
        "anomaly": ["data.parquet", *ANOMALY, "--effort", "fast"],
        "plain": ["data.csv", *ANOMALY, "--size", "2", "--epochs", "20"],
    }
    for name, (file, *words) in models.items():
        out = str(folder / f"{name}.isthmus")
        assert run(["fit", str(folder / file), *words, *both, out]) == 0
    return folder


@pytest.fixture
def in_pieces(monkeypatch):
    """Any file is as if it were large."""
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr("isthmus.data.streams._rows", lambda _columns: 25)
