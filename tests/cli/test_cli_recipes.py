"""Recipes in the terminal: presets, parts and files of them."""

import json
import tomllib

import numpy as np
import pytest
from small import PRESETS
from terminal import NAMES, ask, fit

import isthmus
from isthmus.artifacts.recipe_text import to_toml
from isthmus.artifacts.recipes import assemble, describe, part, term
from isthmus.cli.options import settings
from isthmus.cli.program import run
from isthmus.errors import RecipeError
from isthmus.model import FAMILIES
from isthmus.parts import Term


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


def test_parts_and_the_task_are_set_by_name(folder):
    out = folder / "named.isthmus"
    words = ["fit", folder / "data.csv", "--task", "anomaly", "--out", out]
    parts = ["--set", "corruption=masking", "--set", "contamination=0.1"]
    rest = ["--ignore", "name,odd", "--epochs", "2", "--quiet"]
    assert run([*map(str, words), *parts, *rest]) == 0
    model = isthmus.load(out)
    assert model.contamination == 0.1
    assert model.autoencoder_.recipe_.corruption.kind() == "masking"


@pytest.mark.filterwarnings("ignore:A code of:isthmus.errors.IsthmusWarning")
@pytest.mark.parametrize("preset", [None, *PRESETS])
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


def test_a_shell_completes_presets_and_tasks(monkeypatch, capfd):
    monkeypatch.setenv("_ISTHMUS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_CWORD", "3")
    for words, found in (("--preset k", "k_sparse"), ("--task an", "anomaly")):
        monkeypatch.setenv("COMP_WORDS", f"isthmus fit {words}")
        run([])
        assert capfd.readouterr().out.split() == [found]
