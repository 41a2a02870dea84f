"""The terminal: every command on ordinary files, its answers and its exit codes."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

import isthmus
from isthmus.cli.options import settings
from isthmus.cli.program import run

NAMES = [f"c{j}" for j in range(5)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with a planted odd row, and a model of each task."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 2)) @ rng.normal(size=(2, 5))
    rows[7, 3] += 30
    columns = {f"c{j}": rows[:, j] for j in range(5)}
    columns |= {"name": [f"r{i}" for i in range(120)], "odd": [0] * 120}
    columns["odd"][7] = 1
    table = pyarrow.table(columns)
    pyarrow.csv.write_csv(table, folder / "data.csv")
    pyarrow.parquet.write_table(table, folder / "data.parquet")
    both = ["--id", "name", "--label", "odd", "--epochs", "3", "--quiet"]
    for task, file in (("autoencoder", "data.csv"), ("anomaly", "data.parquet")):
        out = str(folder / f"{task}.isthmus")
        assert (
            run(["fit", str(folder / file), "--task", task, "--out", out, *both]) == 0
        )
    return folder


def ask(capfd, *words):
    """Run a command that must succeed; return what it wrote to standard output."""
    capfd.readouterr()
    assert run([str(word) for word in words]) == 0
    return capfd.readouterr().out


def as_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


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
    assert figures["loss"] == pytest.approx(figures["reconstruction"])


def test_info_tells_recipe_columns_and_versions(folder, capfd):
    document = json.loads(ask(capfd, "info", folder / "anomaly.isthmus", "--json"))
    assert document["kind"] == "anomaly_detector"
    assert document["names"] == NAMES
    assert document["recipe"]["bottleneck"] == {
        "kind": "dense",
        "size": 2,
        "activation": "linear",
    }
    assert document["notes"]["label"] == ["odd"]
    assert "torch" in document["versions"]


def test_a_preset_with_settings_reaches_the_parts(folder, capfd):
    out = folder / "vae.isthmus"
    ask(
        capfd,
        *("fit", folder / "data.csv", "--preset", "variational", "--out", out),
        *("--set", "bottleneck.size=3", "--set", "terms.rate.weight=4"),
        *("--set", "likelihood=huber", "--ignore", "name,odd", "--epochs", 2),
    )
    recipe = isthmus.load(out).recipe_
    assert recipe.bottleneck.size == 3
    assert recipe.costs()["rate"].weight == 4
    assert recipe.likelihood.kind() == "huber"


def test_settings_are_values_of_toml():
    found = settings(["a.b=1", "c=[1, 2]", "d=text", "e=true", "f=2.5"])
    assert found == {"a__b": 1, "c": (1, 2), "d": "text", "e": True, "f": 2.5}


def test_the_summary_goes_to_standard_error(folder, capfd):
    words = ["fit", folder / "data.csv", "--ignore", "name,odd", "--epochs", "2"]
    assert run([*map(str, words), "--out", str(folder / "x.isthmus")]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    for told in ("120 rows, 5 columns -> 2", "PCA with 2 components", "Next:"):
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
        (["fit", "absent.csv"], 3, "there is no such file"),
        (["fit", "{data}", "--ignore", "names"], 3, "no column 'names'"),
        (["fit", "{data}"], 3, "'name' (String)"),
        (["score", "{data}", "{data}"], 4, "is no model file"),
        (["info", "absent.isthmus"], 4, "absent.isthmus"),
    ],
)
def test_errors_say_what_is_wrong_and_have_their_exit_code(
    folder, capfd, words, code, told
):
    data = str(folder / "data.csv")
    assert run([word.format(data=data) for word in words]) == code
    assert told in capfd.readouterr().err


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
    for name in ("digits.png", "codes.png"):
        assert (tmp_path / name).stat().st_size > 5_000


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["fit", "{data}", "--out", "no/such/x.isthmus"], 3, "no folder"),
        (["fit", "{data}", "--ignore", "name,odd", "--device", "gpu"], 2, "no device"),
        (["score", "{model}", "{other}"], 3, "0 feature(s)"),
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


def test_parts_and_the_task_are_set_by_name(folder):
    out = folder / "named.isthmus"
    words = ["fit", folder / "data.csv", "--task", "anomaly", "--out", out]
    parts = ["--set", "corruption=masking", "--set", "contamination=0.1"]
    rest = ["--ignore", "name,odd", "--epochs", "2", "--quiet"]
    assert run([*map(str, words), *parts, *rest]) == 0
    model = isthmus.load(out)
    assert model.contamination == 0.1
    assert model.autoencoder_.recipe_.corruption.kind() == "masking"
