"""The terminal: every command on ordinary files, its answers and its exit codes."""

import io
import json
import subprocess
import sys
import tomllib

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import typer
from terminal import ANOMALY, COMMANDS, NAMES, RATES, as_rows, ask, fit

import isthmus
from isthmus.artifacts.recipes import assemble
from isthmus.cli import written
from isthmus.cli.options import duration
from isthmus.cli.program import run
from isthmus.cli.spreadsheets import defused
from isthmus.training.checkpoint import Checkpoint


def test_scores_are_those_of_python(folder, capfd):
    model = isthmus.load(folder / "anomaly.isthmus")
    rows = pyarrow.parquet.read_table(folder / "data.parquet")
    out = ask(capfd, "score", folder / "anomaly.isthmus", folder / "data.csv", "--json")
    told = [json.loads(line)["score"] for line in out.splitlines()]
    expected = model.score_samples(rows.select(NAMES))
    np.testing.assert_array_equal(told, expected)


def test_explain_adds_a_line_per_column(folder, capfd):
    model = folder / "anomaly.isthmus"
    out = ask(capfd, "explain", model, folder / "data.csv", "--top", 2, "--columns", 5)
    lines = as_rows(out)
    assert len(lines) == 10
    assert lines[0]["row"] == "7"
    parts = sum(float(line["contribution"]) for line in lines[:5])
    assert parts == pytest.approx(float(lines[0]["score"]))


def test_encode_and_reconstruct_write_files(folder, capfd):
    model, codes = folder / "autoencoder.isthmus", folder / "codes.parquet"
    ask(capfd, "encode", model, folder / "data.csv", "--out", codes)
    written = pyarrow.parquet.read_table(codes)
    assert written.column_names == ["row", "name", "z0", "z1"]
    rebuilt = as_rows(ask(capfd, "reconstruct", model, folder / "data.parquet"))
    assert list(rebuilt[0]) == ["row", "name", "c0", "c1", "c2", "c3", "c4"]
    assert len(rebuilt) == 120


def test_pictures_are_png_files(folder, capfd):
    model, data = folder / "autoencoder.isthmus", folder / "data.csv"
    for words in (
        ["encode", model, data, "--label", "odd"],
        ["reconstruct", model, data, "--pixels", "1x5"],
    ):
        picture = folder / f"{words[0]}.png"
        assert ask(capfd, *words, "--picture", picture) == ""
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_evaluate_reports_terms_and_detection(folder, capfd):
    model, data = folder / "anomaly.isthmus", folder / "data.csv"
    figures = json.loads(
        ask(capfd, "evaluate", model, data, "--label", "odd", "--json")
    )
    assert figures["roc_auc"] == 1
    assert figures["anomaly_is"] == "odd=1"
    assert figures["found"] == 1
    assert figures["found"] + figures["false_alarms"] == figures["flagged"]
    assert figures["loss"] == pytest.approx(figures["reconstruction"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("0.5h", 1800)],
)
def test_durations_have_units(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-1m", "5m1h", "1 day"])
def test_other_durations_are_refused(text):
    with pytest.raises(typer.BadParameter, match="1h30m"):
        duration(text)


def test_the_summary_goes_to_standard_error(folder, capfd):
    words = ["fit", folder / "data.csv", "--ignore", "name,odd", "--epochs", "2"]
    assert run([*map(str, words), "--out", str(folder / "x.isthmus")]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    for told in ("120 rows, 5 columns -> 2", "PCA of the same size", "Next:"):
        assert told in err


def test_columns_that_the_model_does_not_know_are_set_aside_aloud(folder, capfd):
    table = pyarrow.csv.read_csv(folder / "data.csv")
    wide = table.append_column("extra", table["c0"])
    pyarrow.csv.write_csv(wide, folder / "wide.csv")
    assert (
        run(["score", str(folder / "anomaly.isthmus"), str(folder / "wide.csv")]) == 0
    )
    assert "'extra'" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fit", "{data}", "--preset", "variatonal"], 2, "Did you mean 'variational'"),
        (["fit", "{data}", "--set", "bottleneck.sice=3"], 2, "Did you mean 'size'"),
        (["fit", "{data}", "--task", "anomalies"], 2, "There is no task"),
        (["fit", "{data}", "--sise", "3"], 2, "--sise"),
        (["fit", "{data}", "--fpr", "0.1"], 2, "a parameter of the task anomaly"),
        (["fit", "{data}", *ANOMALY, "--fpr", "2"], 2, "between 0 and 1"),
        (["fit", "{data}", *ANOMALY, "--effort", "low"], 2, "no effort 'low'"),
        (["fit", "{data}", *ANOMALY, "--set", "scores=hidden"], 2, "a table of"),
        (["score", "{model}", "{data}", *RATES], 2, "Give one"),
        (["score", "{model}", "{data}", "--fdr", "0"], 2, "between 0 and 1"),
        (["score", "{other}", "{data}", "--fdr", "0.1"], 4, "of --task anomaly"),
        (["explain", "{other}", "{data}", "--change"], 4, "of --task anomaly"),
        (["drift", "{other}", "{data}"], 4, "of --task anomaly"),
        (["fit", "absent.csv"], 3, "there is no such file"),
        (["fit", "{data}", "--ignore", "names"], 3, "--ignore: There is no column"),
        (["fit", "{data}", "--id", "names"], 3, "Did you mean 'name'"),
        (["fit", "{data}", "--label", "od"], 3, "Did you mean 'odd'"),
        (["fit", "{data}", "--time", "5"], 2, "1h30m"),
        (["fit", "{data}", "--set", "size"], 2, "part.name=value"),
        (["fit", "{data}", "--set", "terms.rates.weight=1"], 2, "mean 'rate'"),
        (["fit", "{data}", "--set", "terms.l1=1"], 2, "must be a table"),
        (["fit", "{data}", "--set", "bottleneck=3"], 2, "must be a table"),
        (["fit", "{data}", "--set", "likelihood.delta=3"], 2, "needs a kind"),
        (["fit", "{data}", "--set", "validation=much"], 2, "must be a number"),
        (["fit", "{data}", "--set", "random_state=1.5"], 2, "a whole number"),
        (["fit", "{data}", "--set", "architecure=mlp"], 2, "'architecture'"),
        (["fit", "{data}", "--recipe", "absent.toml"], 2, "absent.toml"),
        (["fit", "{data}", "--out", "{data}"], 3, "is no model"),
        (["recipe", "{model}", "--task", "anomaly"], 2, "no --task"),
        (["evaluate", "{model}", "{data}", "--positive", "1"], 2, "needs --label"),
        (
            ["evaluate", "{model}", "{data}", "--label", "odd", "--positive", "2"],
            2,
            "There is no value '2'. Known: 0, 1.",
        ),
        (["score", "{model}", "no*.csv"], 3, "no*.csv"),
        (["score", "{data}", "{data}"], 4, "is no model file"),
        (["info", "absent.isthmus"], 4, "absent.isthmus"),
    ],
)
def test_errors_say_what_is_wrong_and_have_their_exit_code(
    folder, capfd, words, code, told
):
    names = {"data": folder / "data.csv", "model": folder / "anomaly.isthmus"}
    names["other"] = folder / "autoencoder.isthmus"
    assert run([word.format(**names) for word in words]) == code
    err = " ".join(capfd.readouterr().err.split())  # usage errors may be wrapped
    assert told in err


def test_diverging_training_exits_with_5(folder, capfd):
    words = ["fit", str(folder / "data.csv"), "--ignore", "name,odd", "--quiet"]
    wild = ["--set", "training.optimizer=sgd", "--set", "training.learning_rate=1e30"]
    assert run([*words, *wild, "--set", "training.clip_ratio=0"]) == 5
    assert "Lower the learning rate" in capfd.readouterr().err


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from isthmus.cli import app; "
        "heavy = {'torch', 'sklearn', 'pandas', 'pyarrow'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_demo_runs_and_leaves_its_pictures(tmp_path, capfd):
    out = ask(capfd, "demo", "--out", tmp_path)
    assert "roc_auc" in out
    for name in ("digits.png", "codes.png", "scores.png", "reasons.png"):
        assert (tmp_path / name).stat().st_size > 5_000


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fit", "{data}", "--out", "no/such/x.isthmus"], 3, "no folder"),
        (["fit", "{data}", "--ignore", "name,odd", "--device", "gpu"], 2, "no device"),
        (["score", "{model}", "{other}"], 3, "missing: 'c0'"),
    ],
)
def test_mistakes_of_newcomers_get_one_line(folder, capfd, words, code, told):
    pyarrow.csv.write_csv(pyarrow.table({"q": [1.0, 2.0]}), folder / "other.csv")
    names = {
        "data": folder / "data.csv",
        "other": folder / "other.csv",
        "model": folder / "anomaly.isthmus",
    }
    assert run([word.format(**names) for word in words]) == code
    err = capfd.readouterr().err
    assert told in err
    assert "Traceback" not in err


def test_a_dry_run_tells_all_and_writes_nothing(folder, capfd, tmp_path):
    words = ["--dry-run", "--size", 3, "--time", "5m"]
    text = ask(capfd, *fit(folder, *words))
    for told in ("120 rows, 5 columns", "c0  double", "name (--id); odd (--label)"):
        assert told in text
    assert "at most 500 epochs, 16 rows a step" in text
    recipe = tomllib.loads(text)
    assert recipe["bottleneck"]["size"] == 3
    assert recipe["training"]["seconds"] == 300
    assert recipe["likelihood"]["kind"]
    assert list(tmp_path.iterdir()) == []
    found = json.loads(ask(capfd, *fit(folder, *words, "--json")))
    assert found["rows"] == 120
    assert found["recipe"]["bottleneck"]["size"] == 3
    model = assemble(found["recipe"]).set_params(verbose=0, epochs=1)
    data = pyarrow.csv.read_csv(folder / "data.csv").select(NAMES)
    weights = model.set_params(training__epochs=1).fit(data).module_.parameters()
    assert found["weights"] == sum(weight.numel() for weight in weights)


def test_a_summary_as_json(folder, capfd):
    words = ["--task", "anomaly", "--epochs", 20, "--quiet", "--json"]
    told = json.loads(ask(capfd, *fit(folder, *words)))
    assert told["model"] == "model.isthmus"
    assert (told["rows"], told["columns"], told["replicas"]) == (120, 5, 4)
    assert told["calibration_rows"] == 120
    assert told["least_p_value"] == pytest.approx(1 / 121)
    assert told["anomaly_is"] == "odd=1"
    alone = {"size", "epochs", "best_epoch", "errors"}  # of one autoencoder
    assert not alone & set(told)
    told = json.loads(ask(capfd, *fit(folder, *words, "--size", 2)))
    assert (told["size"], told["replicas"], told["calibration"]) == (2, 1, "validation")
    assert told["epochs"] == len(told["losses"]) == 20
    assert told["losses"][told["best_epoch"] - 1] == min(told["losses"])
    assert told["roc_auc"] > 0.95


def test_what_is_replaced_is_told(folder, capfd):
    words = [str(word) for word in fit(folder, "--epochs", 1)]
    assert run(words) == 0
    assert "replaced" not in capfd.readouterr().err
    assert run(words) == 0
    assert "It will be replaced" in capfd.readouterr().err


def test_a_time_limit_reaches_the_training(folder, capfd):
    words = ["--time", "1h30m", "--epochs", "1", "--quiet"]
    ask(capfd, *fit(folder, *words))
    assert isthmus.load("model.isthmus").training.seconds == 5400


@pytest.mark.parametrize("done", [False, True])
def test_an_interrupted_command_says_what_it_wrote(folder, capfd, monkeypatch, done):
    def interrupted(*_args, **_keywords):
        raise KeyboardInterrupt

    where = "isthmus.cli.summary.summarize" if done else "isthmus.artifacts.save"
    monkeypatch.setattr(where, interrupted)
    monkeypatch.setattr(written, "files", [])
    assert run([str(word) for word in fit(folder, "--epochs", 1)]) == 130
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("Interrupted. ")
    assert ("Written until then: model.isthmus" if done else "--resume") in last


def test_formulas_are_defused():
    texts = ["=1+1", "+cmd", "-x", "@a", "\tb", "\rc", "\0d", "a=1", "-5", "+1e3", None]
    table = pyarrow.table({"=name": texts, "number": [-1.5] * len(texts)})
    safe = defused(table)
    assert safe.column_names == ["'=name", "number"]
    marked = [f"'{text}" for text in texts[:7]]
    assert safe["'=name"].to_pylist() == [*marked, *texts[7:]]
    assert safe["number"].equals(table["number"])
    words = table.select(["=name"]).columns[0].dictionary_encode()
    assert defused(pyarrow.table({"w": words}))["w"].to_pylist()[:7] == marked


def test_answers_are_defused_unless_they_are_raw_or_no_csv(folder, capfd, tmp_path):
    table = pyarrow.csv.read_csv(folder / "data.csv")
    table = table.set_column(5, "name", [["=1+1"] * 120])
    pyarrow.csv.write_csv(table, "risky.csv")
    score = ["score", folder / "anomaly.isthmus", "risky.csv", "--top", 1]

    def name(*words):
        return as_rows(ask(capfd, *score, *words))[0]["name"]

    assert name() == "'=1+1"
    assert name("--raw") == "=1+1"
    assert json.loads(ask(capfd, *score, "--json"))["name"] == "=1+1"
    ask(capfd, *score, "--out", "safe.csv")
    assert as_rows((tmp_path / "safe.csv").read_text())[0]["name"] == "'=1+1"
    ask(capfd, *score, "--out", "plain.parquet")
    assert pyarrow.parquet.read_table("plain.parquet")["name"].to_pylist() == ["=1+1"]


def test_tables_come_from_patterns_and_from_standard_input(folder, capfd, monkeypatch):
    data = pyarrow.csv.read_csv(folder / "data.csv")
    for number, rows in enumerate([data.slice(0, 50), data.slice(50)]):
        pyarrow.csv.write_csv(rows, f"part-{number}.csv")
    score = ["score", folder / "anomaly.isthmus"]
    whole = ask(capfd, *score, folder / "data.csv")
    assert ask(capfd, *score, "part-*.csv") == whole
    text = (folder / "data.csv").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert ask(capfd, *score, "-") == whole


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_examples(capfd, name):
    lines = ask(capfd, name, "--help").splitlines()
    assert any(line.startswith(("  isthmus ", "  cat ")) for line in lines[4:6])


def test_the_version(capfd):
    assert ask(capfd, "--version") == f"isthmus {isthmus.__version__}\n"


def test_an_interrupted_training_is_resumed(folder, capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.training.checkpoint.EVERY", 0.0)
    out, whole = tmp_path / "m.isthmus", tmp_path / "whole.isthmus"
    words = [*map(str, fit(folder, "--epochs", "9", "--quiet", "--out"))]
    (tmp_path / "m.isthmus.checkpoint-of-mine").touch()
    assert run([*words, str(whole)]) == 0
    written = Checkpoint.write

    def interrupted(self, position, training):
        written(self, position, training)
        if len(position.plain["history"]) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", interrupted)
        assert run([*words, str(out)]) == 130
    assert "add --resume to go on" in capfd.readouterr().err
    assert run([*words, str(out), "--resume"]) == 0
    kept = [p.name for p in tmp_path.iterdir() if "checkpoint" in p.name]
    assert kept == ["m.isthmus.checkpoint-of-mine"]  # no file of ours
    models = [isthmus.load(path) for path in (out, whole)]
    assert models[0].history_ == models[1].history_
    assert run([*words, str(out), "--resume"]) == 3
    assert "there is no" in capfd.readouterr().err
