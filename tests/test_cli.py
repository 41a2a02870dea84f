"""The terminal: every command on ordinary files, its answers and its exit codes."""

import csv
import io
import json
import re
import subprocess
import sys
import tomllib

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
import typer

import isthmus
from isthmus import registry
from isthmus.artifacts.recipe_text import to_toml
from isthmus.artifacts.recipes import assemble, describe, part, term
from isthmus.cli import written
from isthmus.cli.options import EFFORTS, duration, settings
from isthmus.cli.program import app, run
from isthmus.cli.spreadsheets import defused
from isthmus.detection.efforts import PLANS, WEIGHTS
from isthmus.errors import IsthmusWarning, RecipeError
from isthmus.model import FAMILIES
from isthmus.parts import Term

NAMES = [f"c{j}" for j in range(5)]
ANOMALY = ["--task", "anomaly"]
RATES = ["--fpr", "0.1", "--fdr", "0.1"]
COMMANDS = [c.name or c.callback.__name__ for c in app.registered_commands]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Files without a folder are written to a place that is thrown away."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
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


def ask(capfd, *words):
    """Run a command that must succeed; return what it wrote to standard output."""
    capfd.readouterr()
    assert run([str(word) for word in words]) == 0
    return capfd.readouterr().out


def fit(folder, *words):
    """Words of a training on the numbers of the table."""
    return ["fit", folder / "data.csv", "--id", "name", "--label", "odd", *words]


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
    document = json.loads(ask(capfd, "info", folder / "plain.isthmus", "--json"))
    assert document["kind"] == "anomaly_detector"
    assert document["names"] == NAMES
    assert document["recipe"]["bottleneck"] == {
        "kind": "dense",
        "size": 2,
        "activation": "linear",
    }
    assert document["notes"]["label"] == ["odd"]
    assert "torch" in document["versions"]
    assert document["replicas"] == 1
    assert document["calibrated"] == {"source": "validation", "rows": 12}


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


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("a.b=1", {"a": {"b": 1}}),
        ("c=[1, 2]", {"c": [1, 2]}),
        ("c=32,16", {"c": [32, 16]}),
        ("c = (32, 16)", {"c": [32, 16]}),
        ("c=()", {"c": []}),
        ("d=text", {"d": "text"}),
        ("d=two words", {"d": "two words"}),
        ('columns.kinds."a.b"=count', {"columns": {"kinds": {"a.b": "count"}}}),
        ("e=true", {"e": True}),
        ("f=2.5", {"f": 2.5}),
    ],
)
def test_settings_are_values_of_toml(text, layer):
    assert settings([text]) == [layer]


def test_whole_parts_are_set_before_their_parameters():
    first, second = settings(["bottleneck.k=2", "bottleneck=top_k"])
    assert (first, second) == ({"bottleneck": "top_k"}, {"bottleneck": {"k": 2}})


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


def test_the_summary_of_a_detector_tells_what_is_flagged(folder, capfd):
    words = ["--task", "anomaly", "--epochs", 2, "--fpr", 0.05]
    assert run([*map(str, fit(folder, *words))]) == 0
    err = capfd.readouterr().err
    assert isthmus.load("model.isthmus").fpr == 0.05
    for told in (
        "120 rows, 5 columns -> 4 replicas",
        "flagged: 5 of these rows (4.17%)",
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


# ----------------------------------------------------------------------------- judging


def test_a_rate_of_false_alarms_flags_by_p_values(folder, capfd):
    score = ["score", folder / "anomaly.isthmus", folder / "data.csv"]
    rows = as_rows(ask(capfd, *score, "--fpr", 0.05))
    for row in rows:
        assert row["outlier"] == str(int(float(row["p_value"]) <= 0.05))
    assert sum(row["outlier"] == "1" for row in rows) == 5  # of p = 2/121, ..., 6/121


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
        (["score", "{other}", "{data}", "--fdr", "0.1"], 2, "of --task anomaly"),
        (["explain", "{other}", "{data}", "--change"], 2, "of --task anomaly"),
        (["drift", "{other}", "{data}"], 2, "of --task anomaly"),
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


def test_parts_and_the_task_are_set_by_name(folder):
    out = folder / "named.isthmus"
    words = ["fit", folder / "data.csv", "--task", "anomaly", "--out", out]
    parts = ["--set", "corruption=masking", "--set", "contamination=0.1"]
    rest = ["--ignore", "name,odd", "--epochs", "2", "--quiet"]
    assert run([*map(str, words), *parts, *rest]) == 0
    model = isthmus.load(out)
    assert model.contamination == 0.1
    assert model.autoencoder_.recipe_.corruption.kind() == "masking"


# ----------------------------------------------------------------------------- recipes


@pytest.mark.filterwarnings("ignore:A code of:isthmus.errors.IsthmusWarning")
@pytest.mark.parametrize("preset", [None, *registry.names("presets")])
def test_a_recipe_trains_the_parts_of_its_preset(folder, capfd, tmp_path, preset):
    start = [] if preset is None else ["--preset", preset]
    (tmp_path / "mine.toml").write_text(ask(capfd, "recipe", *start))
    one_epoch = fit(folder, "--epochs", 1, "--quiet", "--out")
    ask(capfd, *one_epoch, "one.isthmus", *start)
    ask(capfd, *one_epoch, "two.isthmus", "--recipe", "mine.toml")
    one, two = (isthmus.load(f"{name}.isthmus") for name in ("one", "two"))
    assert one.recipe_ == two.recipe_
    for name, value in one.module_.state_dict().items():
        np.testing.assert_array_equal(value, two.module_.state_dict()[name])


@pytest.mark.parametrize("task", ["autoencoder", "anomaly"])
def test_a_recipe_is_the_same_after_a_trip_through_text(tmp_path, task):
    layer = {
        "task": task,
        "validation": 0.2,
        "hidden": [5, 4],
        "terms": {"l1": {"weight": 0.5}},
        "columns": {"kinds": {"a.b": "count"}, "weights": {"c": 2.0}},
        "training": {"seconds": 60.0},
    }
    recipe = describe(assemble(layer))
    (tmp_path / "r.toml").write_text(to_toml(recipe))
    assert describe(assemble(file=tmp_path / "r.toml")) == recipe


EXAMPLES = [
    (name, example)
    for name, family in {**FAMILIES, "terms": Term}.items()
    for kind in family.kinds().values()
    for example in kind.examples()
    if kind.kind() != "modules"
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=lambda e: repr(e)[:60])
def test_every_part_can_be_written_in_a_recipe(name, example):
    recipe, table = describe(isthmus.Autoencoder()), example.to_dict()
    recipe[name] = {table.pop("kind"): table} if name == "terms" else table
    read = tomllib.loads(to_toml(recipe))[name]
    if name == "terms":
        ((label, table),) = read.items()
        assert term(label, table) == example
    else:
        assert part(name, read) == example


@pytest.mark.parametrize(
    ("name", "expected"), [("plain", (1, 20, 2)), ("anomaly", (3, None, 48))]
)
def test_the_recipe_of_a_model_trains_the_same_model(
    folder, capfd, tmp_path, name, expected
):
    model = folder / f"{name}.isthmus"
    (tmp_path / "r.toml").write_text(ask(capfd, "recipe", model))
    read = tomllib.loads((tmp_path / "r.toml").read_text())
    assert read["task"] == "anomaly"
    epochs, size = read["training"].get("epochs"), read["bottleneck"]["size"]
    assert (read["folds"], epochs, size) == expected
    ask(capfd, *fit(folder, "--quiet", "--recipe", "r.toml"))
    both = model, "model.isthmus"
    one, two = (ask(capfd, "score", file, folder / "data.csv") for file in both)
    assert one == two


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


def test_a_model_that_python_saved_has_a_recipe(capfd, tmp_path):
    rows = np.random.default_rng(0).normal(size=(30, 4))
    model = isthmus.variational(size=2, epochs=1, verbose=0).fit(rows)
    isthmus.save(model, tmp_path / "x.isthmus")
    recipe = json.loads(ask(capfd, "recipe", "x.isthmus", "--json"))
    assert recipe["bottleneck"]["kind"] == "gaussian"
    assert list(recipe["terms"]) == ["reconstruction", "rate"]


def test_the_last_to_speak_is_heard(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text('preset = "variational"\nsize = 3\n[training]\nepochs = 7\n')
    said = describe(assemble({"size": 4}, {"training": {"epochs": 9}}, file=file))
    assert said["bottleneck"] == {"kind": "gaussian", "size": 4, "draws": 1}
    assert said["training"]["epochs"] == 9
    assert list(said["terms"]) == ["reconstruction", "rate"]


def test_a_part_of_another_kind_keeps_the_size_that_was_asked_for():
    said = describe(assemble({"size": 4}, {"bottleneck": "gaussian"}))
    assert said["bottleneck"]["size"] == 4
    assert said["terms"] is None  # those of the bottleneck


def test_a_term_is_changed_or_added():
    layers = {"preset": "variational"}, *settings(["terms.l1.weight=0.1"])
    assert describe(assemble(*layers))["terms"] == {
        "reconstruction": {"weight": 1.0},
        "rate": {"weight": 1.0, "warm_up": 0.0, "free_nats": 0.0},
        "l1": {"weight": 0.1},
    }
    said = describe(assemble({"terms": {"l1": {}, "l1_2": {"weight": 0.2}}}))
    assert list(said["terms"]) == ["reconstruction", "l1", "l1_2"]


def test_the_terms_of_a_file_are_all(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text("[terms.importance_bound]\n")
    said = describe(assemble({"preset": "variational"}, file=file))
    assert list(said["terms"]) == ["importance_bound"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bottleneck = ", "is not TOML"),
        ("[botleneck]", "There is no part or parameter 'botleneck'. Did you mean"),
        ("[bottleneck]\nsice = 3", "There is no parameter 'sice'. Did you mean 'size'"),
        ("[training]\nepoch = 3", "Did you mean 'epochs'"),
        ("[terms.ratee]", "Did you mean 'rate'"),
        ("[terms.rate]", "priced"),
        ("[terms]", "must not be empty"),
        ('task = "anomalous"', "There is no task"),
        ('[columns.kinds]\na = "number"', "kinds.a"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_named_with_its_file(tmp_path, text, told):
    file = tmp_path / "r.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match="r.toml") as caught:
        assemble(file=file)
    assert told in str(caught.value)


# ------------------------------------------------------------------------ runs of fit


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
    assert ("model.isthmus" if done else "Nothing was written.") in last


# ------------------------------------------------------------------- tables in and out


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
    assert re.search(r"\bc [xy] \d+% \(expected [xy] \d+%\)", row["why"])
    lines = as_rows(ask(capfd, "explain", "model.isthmus", "mixed.csv", "--top", 1))
    actual = {line["column"]: line["actual"] for line in lines}
    assert actual["c"] == columns["c"][3]
    assert float(actual["a"]) == pytest.approx(low[3], rel=1e-3)


# -------------------------------------------------------------------------------- help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_examples(capfd, name):
    lines = ask(capfd, name, "--help").splitlines()
    assert any(line.startswith(("  isthmus ", "  cat ")) for line in lines[4:6])


def test_the_version(capfd):
    assert ask(capfd, "--version") == f"isthmus {isthmus.__version__}\n"


def test_a_shell_completes_presets_and_tasks(monkeypatch, capfd):
    monkeypatch.setenv("_ISTHMUS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_CWORD", "3")
    for words, found in (("--preset k", "k_sparse"), ("--task an", "anomaly")):
        monkeypatch.setenv("COMP_WORDS", f"isthmus fit {words}")
        run([])
        assert capfd.readouterr().out.split() == [found]
