"""Series on the command line."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import isthmus
from isthmus.cli.program import run
from isthmus.scores.reasons import rare

STEPS = np.arange(240)


@pytest.fixture
def file(tmp_path):
    """Two sensors, every five minutes, in a file."""
    rows = np.sin(STEPS[:, None] / np.array([6.0, 11.0]))
    frame = pd.DataFrame(rows, columns=["heat", "load"])
    frame.insert(0, "when", pd.date_range("2024-01-01", periods=240, freq="5min"))
    frame.to_csv(tmp_path / "sensors.csv", index=False)
    return tmp_path / "sensors.csv"


def fitted(file, *words):
    """Where the model is that these words fit."""
    out = str(file.with_name("m.isthmus"))
    assert run(["fit", str(file), "--epochs", "1", *words, "--out", out]) == 0
    return out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "'when' rises in equal steps"),
        (["--kind", "series"], "The time of a row is 'when'"),
        (["--time", "when"], ""),
    ],
)
@pytest.mark.parametrize("task", ["autoencoder", "anomaly", "denoiser"])
def test_the_only_column_of_times_is_the_clock(file, words, said, task, capfd):
    model = isthmus.load(fitted(file, *words, "--task", task))
    told = capfd.readouterr().err
    assert said in told
    assert ("isthmus reconstruct" in told) == (task == "denoiser")  # what comes next
    assert model.kind == isthmus.Series(time="when")
    columns = getattr(model, "autoencoder_", model).columns_
    assert {c.name: c.why for c in columns}["when"] == "the time of a row"


def test_series_come_back_row_by_row(file, capfd):
    model, rebuilt = fitted(file, "--quiet"), file.with_name("rebuilt.csv")
    assert run(["reconstruct", model, str(file), "--out", str(rebuilt)]) == 0
    given, made = pd.read_csv(file), pd.read_csv(rebuilt)
    assert list(made.columns) == ["row", *given.columns]
    assert made["when"].equals(given["when"])
    assert "Wrote 240 rows" in capfd.readouterr().err


def test_more_is_said_of_windows(file):
    model = fitted(file, "--quiet", "--time", "when", "--set", "kind.window=32")
    assert isthmus.load(model).kind == isthmus.Series(time="when", window=32)


def test_the_series_with_the_oddest_row_is_drawn(file, monkeypatch, tmp_path):
    """Of several in any order; with numbers alone, in the order of time."""
    frame = pd.read_csv(file)
    two = [frame.assign(unit=unit, state="on") for unit in "ab"]
    two[1].loc[200, "heat"] = 30.0
    mixed = pd.concat(two).sample(frac=1, random_state=0)
    mixed.to_csv(file, index=False)
    words = ["--time", "when", "--by", "unit", "--task", "anomaly", "--effort", "fast"]
    model, picture, drawn = fitted(file, *words, "--quiet"), tmp_path / "p.png", {}

    def draw(path, actual, expected, **more):
        drawn.update(more, path=path, actual=actual, expected=expected)

    monkeypatch.setattr("isthmus.plots.draw_series", draw)
    words = [
        model,
        str(file),
        "--picture",
        str(picture),
        "--out",
        str(tmp_path / "s.csv"),
    ]
    assert run(["score", *words]) == 0
    assert drawn["path"] == picture
    assert list(drawn["actual"]) == list(drawn["expected"]) == ["heat", "load"]
    assert np.array_equal(drawn["actual"]["heat"], two[1]["heat"])
    assert (np.diff(drawn["times"]) > np.timedelta64(0)).all()
    assert 200 <= drawn["scores"].argmin() <= 240
    assert drawn["offset"] == isthmus.load(model).offset_


def test_the_picture_of_a_series_is_written(file, capfd):
    model, picture = fitted(file, "--quiet"), file.with_name("p.png")
    assert run(["score", model, str(file), "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"Wrote {picture}" in capfd.readouterr().err


def test_why_a_row_is_odd_is_told_by_the_rows_before_it(file, tmp_path):
    model = fitted(file, "--task", "anomaly", "--effort", "fast", "--quiet")
    frame, found = pd.read_csv(file, parse_dates=["when"]), {}
    told = isthmus.load(model).explain(frame)
    for words in (["explain", "--top", "3"], ["score", "--top", "3", "--explain"]):
        out = tmp_path / "told.csv"
        assert run([words[0], model, str(file), *words[1:], "--out", str(out)]) == 0
        found[words[0]] = pd.read_csv(out, parse_dates=["when"])
        assert (
            found[words[0]]["when"] == list(frame["when"][found[words[0]]["row"]])
        ).all()
    for line in found["explain"].itertuples():
        share = told.contributions[line.column][line.row]
        assert line.contribution == pytest.approx(share)
    why = [rare(reasons) for reasons in told.top(3)]
    for line in found["score"].itertuples():
        assert line.why == "; ".join(map(str, why[line.row]))


def test_what_is_rebuilt_is_drawn(file, capfd):
    model, picture = fitted(file, "--quiet"), file.with_name("p.png")
    assert run(["reconstruct", model, str(file), "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"Wrote {picture}" in capfd.readouterr().err


def test_pictures_are_no_series(file, tmp_path, capfd):
    model, folder = fitted(file, "--quiet"), tmp_path / "photos"
    folder.mkdir()
    Image.new("L", (8, 8)).save(folder / "a.png")
    assert run(["score", model, str(folder)]) == 3
    assert "which the model does not know" in capfd.readouterr().err


def test_a_series_without_numbers_is_not_drawn(file, capfd):
    frame = pd.read_csv(file)
    frame = frame[["when"]].assign(state=np.where(frame["heat"] > 0, "on", "off"))
    frame.to_csv(file, index=False)
    model, picture = fitted(file, "--quiet"), str(file.with_name("p.png"))
    assert run(["score", model, str(file), "--picture", picture]) == 3
    assert "no column of numbers" in capfd.readouterr().err


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_short_series_is_compared_with_care(file, capfd):
    pd.read_csv(file)[:5].to_csv(file, index=False)
    fitted(file, "--kind", "series")
    told = capfd.readouterr().err
    assert "5 rows" in told
    assert "PCA" not in told  # one window is its own component
