"""Series on the command line."""

import numpy as np
import pandas as pd
import pytest

import isthmus
from isthmus.cli.program import run


@pytest.fixture
def file(tmp_path):
    """Two sensors, every five minutes, in a file."""
    rows = np.sin(np.arange(240)[:, None] / np.array([6.0, 11.0]))
    frame = pd.DataFrame(rows, columns=["heat", "load"])
    frame.insert(0, "when", pd.date_range("2024-01-01", periods=240, freq="5min"))
    frame.to_csv(tmp_path / "sensors.csv", index=False)
    return tmp_path / "sensors.csv"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "'when' rises in equal steps"),
        (["--kind", "series"], "The time of a row is 'when'"),
        (["--time", "when"], ""),
    ],
)
@pytest.mark.parametrize("task", ["autoencoder", "anomaly"])
def test_the_only_column_of_times_is_the_clock(file, words, said, task, capfd):
    out = file.with_name("m.isthmus")
    words = ["fit", str(file), *words, "--task", task, "--epochs", "1"]
    assert run([*words, "--out", str(out)]) == 0
    assert said in capfd.readouterr().err
    model = isthmus.load(out)
    found = getattr(model, "autoencoder_", model)
    assert {c.name: c.why for c in found.columns_}["when"] == "the time of a row"


def test_series_come_back_row_by_row(file, capfd):
    out, rebuilt = file.with_name("m.isthmus"), file.with_name("rebuilt.csv")
    assert run(["fit", str(file), "--epochs", "1", "--quiet", "--out", str(out)]) == 0
    assert run(["reconstruct", str(out), str(file), "--out", str(rebuilt)]) == 0
    given, made = pd.read_csv(file), pd.read_csv(rebuilt)
    assert list(made.columns) == ["row", *given.columns]
    assert made["when"].equals(given["when"])
    assert "Wrote 240 rows" in capfd.readouterr().err
