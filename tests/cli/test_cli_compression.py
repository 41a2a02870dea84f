"""Tables are compressed and decompressed in the terminal."""

import json

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from terminal import ask

from isthmus.cli.program import run
from isthmus.compression import network

pytest.importorskip("constriction", reason="the extra 'compression'")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(network, "STEPS", 20)


def test_a_file_is_compressed_and_decompressed(folder, tmp_path, capfd):
    packed, back = tmp_path / "data.isz", tmp_path / "back.parquet"
    options = ["--error", 0.01, "--out", packed, "--json"]
    told = json.loads(ask(capfd, "compress", folder / "data.csv", *options))
    assert told["bytes"] == packed.stat().st_size < told["bytes before"]
    ask(capfd, "decompress", packed, "--out", back)
    was = pyarrow.parquet.read_table(folder / "data.parquet")
    now = pyarrow.parquet.read_table(back)
    assert now.column_names == was.column_names
    assert now["name"].to_pylist() == was["name"].to_pylist()
    one, other = (t["c3"].to_numpy() for t in (was, now))
    assert 0 < abs(one - other).max() <= 0.01 * np.ptp(one)


def test_errors_by_name_leave_the_rest_exact(folder, tmp_path, capfd):
    packed = tmp_path / "data.isz"
    ask(
        *(capfd, "compress", folder / "data.parquet", "--error", "c0=0.5"),
        *("--absolute", "--out", packed),
    )
    out = ask(capfd, "decompress", packed)
    (tmp_path / "back.csv").write_text(out)
    now = pyarrow.csv.read_csv(tmp_path / "back.csv")
    was = pyarrow.parquet.read_table(folder / "data.parquet")
    assert now["c1"].equals(was["c1"])
    assert 0 < abs(now["c0"].to_numpy() - was["c0"].to_numpy()).max() <= 0.5


def test_what_is_wrong_is_said(folder, tmp_path, capfd):
    data, out = str(folder / "data.csv"), str(tmp_path / "data.isz")
    assert run(["compress", data, "--error", "much", "--out", out]) == 2
    assert "COLUMN=0.01" in capfd.readouterr().err
    assert run(["compress", data, "--error", "name=0.1", "--out", out]) == 3
    assert "'name' holds no numbers" in capfd.readouterr().err
    assert run(["decompress", data]) == 3
    assert "data.csv: This is no table" in capfd.readouterr().err
