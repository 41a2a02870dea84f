"""`isthmus sample` on the command line."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from terminal import as_rows, ask

import isthmus
from isthmus.cli.program import run

SHORT = ["--epochs", "4", "--quiet"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A table of people in two halves, and a sampler of the first."""
    place = tmp_path_factory.mktemp("sampling")
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, 600)
    town = rng.choice(["Rome", "Oslo"], 600)
    people = pd.DataFrame({"id": range(600), "age": age, "town": town, "old": age > 60})
    people[:300].to_csv(place / "known.csv", index=False)
    people[300:].to_csv(place / "others.csv", index=False)
    out = str(place / "s.isthmus")
    words = ["--task", "sampler", "--id", "id", "--out", out, *SHORT]
    assert run(["fit", str(place / "known.csv"), *words]) == 0
    return place


def test_rows_are_made_with_what_is_given(place, capfd):
    model = place / "s.isthmus"
    rows = as_rows(ask(capfd, "sample", model, "--rows", "4", "--given", "town=Oslo"))
    assert list(rows[0]) == ["age", "town", "old"]
    assert [row["town"] for row in rows] == ["Oslo"] * 4
    again = as_rows(ask(capfd, "sample", model, "--rows", "4", "--given", "town=Oslo"))
    other = ["--given", "town=Oslo", "--seed", "1"]
    assert again == rows
    assert as_rows(ask(capfd, "sample", model, "--rows", "4", *other)) != rows
    (place / "some.csv").write_text("age,town\n30,\n,Rome\n")
    made = as_rows(ask(capfd, "sample", model, "--given", place / "some.csv"))
    assert made[0]["age"] == "30"
    assert made[1]["town"] == "Rome"


def test_rows_go_into_a_file_and_a_picture(place, capfd, tmp_path):
    out, picture = tmp_path / "made.parquet", tmp_path / "made.png"
    words = ["--rows", "50", "--out", out, "--picture", picture]
    assert ask(capfd, "sample", place / "s.isthmus", *words) == ""
    assert len(pd.read_parquet(out)) == 50
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_made_rows_are_reported_on(place, capfd, tmp_path):
    real = ["--real", place / "known.csv", "--holdout", place / "others.csv"]
    picture = tmp_path / "r.png"
    words = [*real, "--target", "old", "--picture", picture]
    assert "old is predicted with f1" in ask(
        capfd, "sample", place / "s.isthmus", *words
    )
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(ask(capfd, "sample", place / "s.isthmus", *words, "--json"))
    assert {"marginals", "utility", "privacy"} <= set(found)


def test_what_cannot_be_made_is_refused(place, capfd, tmp_path):
    model = str(place / "s.isthmus")
    assert run(["sample", model, "--given", "town=Paris"]) == 3
    assert "no town called 'Paris'" in capfd.readouterr().err
    assert run(["sample", model, "--given", "=Paris"]) == 2
    assert run(["sample", model, "--given", "town"]) == 2
    assert "or a file with rows of them" in capfd.readouterr().err
    assert run(["sample", model, "--real", "known.csv"]) == 2
    own = tmp_path / "vae.isthmus"
    X = np.random.default_rng(0).normal(size=(60, 3))
    isthmus.save(isthmus.variational(epochs=2, verbose=0).fit(X), own)
    assert len(as_rows(ask(capfd, "sample", own, "--rows", "7"))) == 7
    assert run(["sample", str(own), "--given", "x0=1"]) == 4
    assert (
        "holds an autoencoder, and a report or --given needs" in capfd.readouterr().err
    )


def test_images_go_into_a_folder_and_onto_a_sheet(capfd, tmp_path):
    for j, image in enumerate(load_digits().images[:40]):
        Image.fromarray((image * 15).astype(np.uint8)).save(tmp_path / f"{j}.png")
    out = str(tmp_path / "d.isthmus")
    words = ["--task", "sampler", "--out", out, "--epochs", "1", "--quiet"]
    assert run(["fit", str(tmp_path), *words]) == 0
    made, sheet = tmp_path / "made", tmp_path / "sheet.png"
    assert (
        ask(capfd, "sample", out, "--rows", "12", "--out", made, "--picture", sheet)
        == ""
    )
    assert len(list(made.glob("*.png"))) == 12
    with Image.open(made / "00.png") as image:
        assert image.size == (8, 8)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert run(["sample", out]) == 2
