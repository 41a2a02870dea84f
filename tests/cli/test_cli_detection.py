"""Detectors in the terminal: scores, rates, reasons, changes, drift."""

import json
import re
import tomllib

import numpy as np
import pandas as pd
import pyarrow.csv
import pyarrow.parquet
import pytest
from terminal import NAMES, as_rows, ask, fit

import isthmus
from isthmus.artifacts.recipes import assemble, describe
from isthmus.cli.options import EFFORTS
from isthmus.cli.program import run
from isthmus.detection.efforts import PLANS, WEIGHTS
from isthmus.errors import IsthmusWarning


def test_score_names_the_odd_row_first_and_says_why(folder, capfd):
    model = folder / "anomaly.isthmus"
    out = ask(capfd, "score", model, folder / "data.csv", "--top", 3, "--explain")
    first, *others = as_rows(out)
    assert (first["row"], first["name"], first["outlier"]) == ("7", "r7", "1")
    model = isthmus.load(model)
    odd = pyarrow.csv.read_csv(folder / "data.csv").select(NAMES).take([7])
    cells = model.explain(odd).contributions.to_pydict()
    assert first["why"].startswith(f"{min(cells, key=cells.get)} ")
    assert len(others) == 2


def test_the_summary_of_a_detector_tells_what_is_flagged(folder, capfd):
    words = ["--task", "anomaly", "--epochs", 2, "--fpr", 0.05]
    assert run([*map(str, fit(folder, *words))]) == 0
    err = capfd.readouterr().err
    model = isthmus.load("model.isthmus")
    assert model.fpr == 0.05
    rows = pyarrow.csv.read_csv(folder / "data.csv").select(NAMES)
    flagged = int((model.predict(rows) == -1).sum())
    assert 0 < flagged <= 6  # p is at most 0.05 for six of 120 rows, at most
    for told in (
        "120 rows, 5 columns -> 4 replicas",
        f"flagged: {flagged} of 120 rows ({flagged / 120:.2%})",
        "120 calibration rows: all, judged by the replicas",
        "false-alarm rates from 0.0083 up",
        "isthmus drift model.isthmus FILE",
    ):
        assert told in err
    assert "PCA" not in err


def test_contamination_is_an_option(folder, capfd):
    words = ["--task", "anomaly", "--epochs", 2, "--contamination", 0.1, "--json"]
    assert json.loads(ask(capfd, *fit(folder, *words)))["flagged"] == 12


def test_a_dry_run_counts_replicas_and_steps(folder, capfd):
    words = ["--task", "anomaly", "--effort", "fast", "--dry-run"]
    assert "weights in each of 3 replicas; 94 steps." in ask(
        capfd, *fit(folder, *words)
    )
    found = json.loads(ask(capfd, *fit(folder, *words, "--json")))
    assert (found["replicas"], found["steps"]) == (3, 94)
    assert found["recipe"]["folds"] == 3


def test_a_rate_of_false_alarms_flags_by_p_values(folder, capfd):
    score = ["score", folder / "anomaly.isthmus", folder / "data.csv"]
    rows = as_rows(ask(capfd, *score, "--fpr", 0.05))
    for row in rows:
        assert row["outlier"] == str(int(float(row["p_value"]) <= 0.05))
    assert sum(row["outlier"] == "1" for row in rows) == 5  # of p = 2/121, ..., 6/121


@pytest.mark.filterwarnings("ignore:No row is flagged")
def test_a_false_discovery_rate_is_that_of_python(folder, capfd):
    model = isthmus.load(folder / "anomaly.isthmus")
    data = pyarrow.csv.read_csv(folder / "data.csv").select(NAMES)
    flagged = model.predict(data, fdr=0.5) == -1
    score = ["score", folder / "anomaly.isthmus", folder / "data.csv", "--fdr", 0.5]
    rows = as_rows(ask(capfd, *score))
    assert [row["outlier"] == "1" for row in rows] == flagged.tolist()
    (first,) = as_rows(ask(capfd, *score, "--top", 1))  # of all rows of the file
    assert first["outlier"] == rows[int(first["row"])]["outlier"]


def test_a_rate_that_few_rows_do_not_know_is_told(folder, capfd):
    score = ["score", str(folder / "anomaly.isthmus"), str(folder / "data.csv")]
    with pytest.warns(IsthmusWarning, match="No row will be flagged"):
        assert run([*score, "--fpr", "0.001"]) == 0
    assert {row["outlier"] for row in as_rows(capfd.readouterr().out)} == {"0"}


def test_explanations_have_tails_where_rows_are_known(folder, capfd):
    words = folder / "data.csv", "--top", 1, "--columns", 2
    lines = as_rows(ask(capfd, "explain", folder / "anomaly.isthmus", *words))
    assert all(0 < float(line["tail"]) <= 1 for line in lines)
    lines = as_rows(ask(capfd, "explain", folder / "autoencoder.isthmus", *words))
    assert "tail" not in lines[0]


def test_changes_name_the_cells_that_make_a_row_normal(folder, capfd):
    words = folder / "anomaly.isthmus", folder / "data.csv", "--top", 1, "--change"
    lines = as_rows(ask(capfd, "explain", *words))
    assert [line["column"] for line in lines] == ["c3"]
    assert float(lines[0]["actual"]) > 20 > float(lines[0]["instead"])
    assert lines[0]["normal"] == "1"


def test_what_is_flagged_is_counted_and_rows_that_need_no_change_are(folder, capfd):
    files = [str(folder / "anomaly.isthmus"), str(folder / "data.csv")]
    assert run(["score", *files, "--out", "s.csv"]) == 0
    assert "1 row of 120 flagged" in capfd.readouterr().err
    assert run(["explain", *files, "--top", "3", "--change"]) == 0
    assert "2 rows of 3 not flagged" in capfd.readouterr().err
    assert run(["explain", *files, "--change", "--picture", "c.png"]) == 2
    assert "leave out --change" in capfd.readouterr().err


def test_drift_in_words_and_as_json(folder, capfd):
    data = pyarrow.csv.read_csv(folder / "data.csv")
    moved = pyarrow.table({n: [v.as_py() + 9 for v in data[n]] for n in NAMES})
    pyarrow.csv.write_csv(moved, "moved.csv")
    drift = ["drift", folder / "anomaly.isthmus"]
    assert "Threshold: holds" in ask(capfd, *drift, folder / "data.csv")
    found = json.loads(ask(capfd, *drift, "moved.csv", "--level", 0.001, "--json"))
    assert found["drifted"]
    assert found["level"] == 0.001
    assert not found["threshold_holds"]
    assert {column["name"] for column in found["columns"]} == set(NAMES)


@pytest.mark.parametrize(
    "words",
    [
        ["score", "--label", "odd"],
        ["score", "--fdr", "0.1"],
        ["score", "--fpr", "0.001"],  # there is no threshold then
        ["explain", "--top", "3", "--columns", "2"],
    ],
)
@pytest.mark.filterwarnings("ignore:No row will be:isthmus.errors.IsthmusWarning")
@pytest.mark.filterwarnings("ignore:No row is flagged")
def test_scores_and_reasons_are_drawn(folder, capfd, tmp_path, words):
    name, *options = words
    files = folder / "anomaly.isthmus", folder / "data.csv"
    told = ask(capfd, name, *files, *options, "--picture", "drawn.png")
    assert told == ask(capfd, name, *files, *options)  # it is drawn besides
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")


def test_scores_of_an_autoencoder_have_no_threshold_to_draw(folder, capfd, tmp_path):
    files = folder / "autoencoder.isthmus", folder / "data.csv"
    told = ask(capfd, "score", *files, "--picture", "drawn.pdf")
    assert (tmp_path / "drawn.pdf").read_bytes().startswith(b"%PDF")
    assert run(["score", *map(str, files), "--picture", "drawn.doc"]) == 1
    assert "not as doc" in capfd.readouterr().err
    assert list(as_rows(told)[0]) == ["row", "name", "score"]


def test_the_printed_recipe_of_anomalies_trains_the_default_detector(
    folder, capfd, tmp_path
):
    (tmp_path / "r.toml").write_text(
        ask(capfd, "recipe", "--task", "anomaly", "--effort", "fast")
    )
    read = tomllib.loads((tmp_path / "r.toml").read_text())
    assert read["scores"] == WEIGHTS
    ask(capfd, *fit(folder, "--quiet", "--recipe", "r.toml"))
    both = folder / "anomaly.isthmus", "model.isthmus"
    one, two = (ask(capfd, "score", file, folder / "data.csv") for file in both)
    assert one == two


def test_the_detector_of_the_command_line_is_that_of_python(folder):
    rows = pyarrow.parquet.read_table(folder / "data.parquet").select(NAMES)
    mine = isthmus.AnomalyDetector(effort="fast", verbose=0).fit(rows)
    theirs = isthmus.load(folder / "anomaly.isthmus")
    np.testing.assert_array_equal(theirs.score_samples(rows), mine.score_samples(rows))
    assert theirs.offset_ == mine.offset_


@pytest.mark.parametrize(
    ("layer", "folds", "scores", "kind"),
    [
        ({}, 4, WEIGHTS, "resnet"),
        ({"effort": "fast"}, 3, WEIGHTS, "resnet"),
        ({"training": {"seconds": 9.0}}, 4, WEIGHTS, "resnet"),
        ({"preset": "masked"}, 1, None, "mlp"),
        ({"bottleneck": {"size": 3}}, 1, None, "mlp"),
        ({"size": 3}, 1, None, "mlp"),
        ({"terms": {"l1": {}}}, 1, None, "mlp"),
        ({"folds": 2}, 2, WEIGHTS, "resnet"),
        ({"folds": 1}, 1, None, "resnet"),
        ({"size": 3, "folds": 2}, 2, WEIGHTS, "resnet"),
        ({"preset": "masked", "scores": {"hidden": 1.0}}, 4, {"hidden": 1.0}, "mlp"),
    ],
)
def test_parts_make_a_plain_detector_unless_folds_are_asked_for(
    layer, folds, scores, kind
):
    said = describe(assemble({"task": "anomaly"}, layer))
    assert (said["folds"], said["scores"]) == (folds, scores)
    assert said["architecture"]["kind"] == kind
    told = {name: value for name, value in said.items() if value is not None}
    assert describe(assemble(told)) == said


def test_efforts_are_those_of_the_detector():
    assert list(PLANS) == EFFORTS


def test_reasons_name_cells_of_every_kind(capfd):
    rng = np.random.default_rng(0)
    low = rng.uniform(1, 2, size=60) * rng.choice([-1, 1], size=60)
    columns = {"a": low, "b": -low, "c": ["x" if v > 0 else "y" for v in low]}
    columns["c"][3] = "y" if low[3] > 0 else "x"
    pyarrow.csv.write_csv(pyarrow.table(columns), "mixed.csv")
    ask(capfd, "fit", "mixed.csv", "--quiet", "--epochs", 30)
    score = ["score", "model.isthmus", "mixed.csv", "--top", 1, "--explain"]
    (row,) = as_rows(ask(capfd, *score))
    assert row["row"] == "3"
    assert re.search(r"\ba -?[\d.]+ \(expected -?[\d.]+\)", row["why"])
    for said in re.findall(r"c ([xy]) \d+% \(expected ([xy]) \d+%\)", row["why"]):
        assert said[0] != said[1]  # what agrees is no reason
    lines = as_rows(ask(capfd, "explain", "model.isthmus", "mixed.csv", "--top", 1))
    actual = {line["column"]: line["actual"] for line in lines}
    assert actual["c"] == columns["c"][3]
    assert float(actual["a"]) == pytest.approx(low[3], rel=1e-3)


def test_it_is_told_where_most_rows_are_flagged(folder, capfd, tmp_path):
    moved = pd.read_csv(folder / "data.csv")
    moved[[f"c{j}" for j in range(5)]] += 100.0
    moved.to_csv(tmp_path / "moved.csv", index=False)
    for name, told in (("data.csv", False), (tmp_path / "moved.csv", True)):
        words = ["score", str(folder / "anomaly.isthmus"), str(folder / name)]
        assert run([*words, "--out", str(tmp_path / "s.csv")]) == 0
        assert ("isthmus drift" in capfd.readouterr().err) == told
