"""Files that are read in pieces answer as files that are read at once."""

import csv
import io
import json

import pytest
from terminal import as_rows, ask, fit

import isthmus
from isthmus.cli import large
from isthmus.cli.program import run
from isthmus.data.files import read_table
from isthmus.tasks.anomaly_detector import AnomalyDetector

QUESTIONS = {
    "all": ["score"],
    "top": ["score", "--top", "5", "--explain"],
    "fdr": ["score", "--fdr", "0.2", "--top", "9"],
    "json": ["score", "--fpr", "0.1", "--json"],
    "explain": ["explain", "--top", "2"],
    "change": ["explain", "--top", "2", "--change"],
    "drift": ["drift"],
    "encode": ["encode"],
    "evaluate": ["evaluate", "--label", "odd"],
}


@pytest.mark.filterwarnings("ignore:No row is flagged")
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("file", ["data.csv", "data.parquet"])
def test_answers_are_the_same(name, file, folder, capfd, request):
    command, *options = QUESTIONS[name]
    words = [command, folder / "anomaly.isthmus", folder / file, *options]
    at_once = ask(capfd, *words)
    request.getfixturevalue("in_pieces")
    assert ask(capfd, *words) == at_once
    assert capfd.readouterr().err == ""


SCORES = {
    "all": [],
    "why": ["--explain"],
    "fdr": ["--fdr", "0.2"],
    "fpr": ["--fpr", "0.1", "--raw"],
}


@pytest.mark.filterwarnings("ignore:No row is flagged")
@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_scores_written_as_they_come_are_the_same(name, suffix, folder, capfd, request):
    tmp_path = request.getfixturevalue("tmp_path")
    words = ["score", folder / "anomaly.isthmus", folder / "data.csv", *SCORES[name]]
    out = [tmp_path / f"{k}.{suffix}" for k in range(2)]
    ask(capfd, *words, "--out", out[0])
    request.getfixturevalue("in_pieces")
    ask(capfd, *words, "--out", out[1])
    assert read_table(out[0]).equals(read_table(out[1]))
    assert sorted(tmp_path.iterdir()) == sorted(out)


@pytest.mark.usefixtures("in_pieces")
def test_scoring_goes_on_where_it_was_interrupted(folder, capfd, tmp_path, monkeypatch):
    words = ["score", folder / "anomaly.isthmus", folder / "data.csv", "--out"]
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    ask(capfd, *words, whole)
    scored, calls = AnomalyDetector.score_samples, []

    def interrupted(self, X):
        calls.append(len(X))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return scored(self, X)

    monkeypatch.setattr(AnomalyDetector, "score_samples", interrupted)
    assert run([*map(str, words), str(broken)]) == 130
    assert "broken.csv.parts" in capfd.readouterr().err
    assert not broken.exists()
    assert run([*map(str, words), str(broken)]) == 0
    assert "3 pieces have been scored before" in capfd.readouterr().err
    assert broken.read_bytes() == whole.read_bytes()
    assert sum(calls) == 120 + calls[3]
    calls.clear()
    assert run([*map(str, words), str(broken)]) == 130  # it begins anew


@pytest.mark.usefixtures("in_pieces")
def test_fitting_in_pieces(folder, capfd, tmp_path):
    out = tmp_path / "m.isthmus"
    ask(capfd, *fit(folder, "--epochs", "5", "--out", out))
    model = isthmus.load(out)
    assert [found.name for found in model.columns_] == [f"c{j}" for j in range(5)]
    ask(capfd, *fit(folder, "--task", "anomaly", "--effort", "fast", "--out", out))
    rows = as_rows(ask(capfd, "score", out, folder / "data.csv", "--top", "1"))
    assert rows[0]["name"] == "r7"


def test_a_folder_is_read_in_pieces(folder, capfd, tmp_path):
    lines = list(csv.reader(io.StringIO((folder / "data.csv").read_text())))
    (tmp_path / "parts").mkdir()
    for k in range(3):
        with (tmp_path / "parts" / f"{k}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([lines[0], *lines[1 + 40 * k : 41 + 40 * k]])
    model = folder / "anomaly.isthmus"
    assert ask(capfd, "score", model, tmp_path / "parts") == ask(
        capfd, "score", model, folder / "data.csv"
    )


@pytest.mark.usefixtures("in_pieces")
def test_a_folder_of_others_is_not_taken_for_parts(folder, capfd, tmp_path):
    (tmp_path / "s.csv.parts").mkdir()
    (tmp_path / "s.csv.parts" / "dear.txt").write_text("dear")
    words = ["score", folder / "anomaly.isthmus", folder / "data.csv", "--out"]
    assert run([*map(str, words), str(tmp_path / "s.csv")]) == 3
    assert "holds other things" in capfd.readouterr().err
    assert (tmp_path / "s.csv.parts" / "dear.txt").read_text() == "dear"


@pytest.mark.usefixtures("in_pieces")
def test_what_is_flagged_is_a_share_of_what_was_judged(
    folder, capfd, tmp_path, monkeypatch
):
    monkeypatch.setattr(large, "CELLS", 5 * 40)  # a third of the rows is looked at
    some = ["--task", "anomaly", "--effort", "fast", "--contamination", "0.1"]
    ask(capfd, *fit(folder, *some, "--out", tmp_path / "m.isthmus"))
    capfd.readouterr()
    words = [*fit(folder, *some, "--out", tmp_path / "m.isthmus"), "--json", "--quiet"]
    figures = json.loads(ask(capfd, *words))
    assert figures["rows"] == figures["judged"] == 120
    plan = json.loads(ask(capfd, *fit(folder, *some), "--json", "--dry-run"))
    assert (plan["rows"], plan["replicas"]) == (120, 3)
    assert figures["flagged"] == 12
