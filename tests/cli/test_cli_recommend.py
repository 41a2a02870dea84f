"""Recommenders on the command line."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from terminal import as_rows, ask

import isthmus
from isthmus.cli.program import run

EASE = ["--task", "recommender", "--set", "method=ease"]
FIXED = [f"--set={n}" for n in ("ridge=10", "evenness=0", "dropout=0", "discount=0")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Films that people rated, and a model of them."""
    folder = tmp_path_factory.mktemp("recommend")
    rng = np.random.default_rng(0)
    rows = [
        (u, f"{'ab'[u % 2]}{film}", rng.integers(1, 6), t)
        for u in range(60)
        for t, film in enumerate(rng.choice(9, 5, replace=False))
    ]
    frame = pd.DataFrame(rows, columns=["userId", "movieId", "rating", "timestamp"])
    frame.to_csv(folder / "r.csv", index=False)
    words = [str(folder / "r.csv"), *EASE, *FIXED, "--out", str(folder / "m.isthmus")]
    assert run(["fit", *words, "--quiet"]) == 0
    return folder


def test_recommendations_come_as_a_table(folder, capfd):
    rows = as_rows(
        ask(capfd, "recommend", folder / "m.isthmus", folder / "r.csv", "--top", 3)
    )
    assert list(rows[0]) == ["userId", "rank", "movieId", "score"]
    assert len(rows) == 60 * 3
    assert all(row["movieId"][0] == "ab"[int(row["userId"]) % 2] for row in rows)


def test_one_user_and_the_reasons(folder, capfd):
    words = ["recommend", folder / "m.isthmus", folder / "r.csv", "--user", 17]
    text = ask(capfd, *words, "--because", 2, "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    assert {row["userId"] for row in rows} == {17}
    seen = pd.read_csv(folder / "r.csv").query("userId == 17")["movieId"]
    assert set(rows[0]["because"].split("; ")) <= set(seen)
    assert run([*map(str, words[:4]), "nobody"]) == 2


def test_a_picture_of_the_reasons(folder, tmp_path, capfd):
    picture = tmp_path / "why.png"
    words = folder / "m.isthmus", folder / "r.csv", "--user", 17, "--picture", picture
    assert not ask(capfd, "recommend", *words)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_can_be_asked_of_a_recommender(folder, capfd):
    model, data = folder / "m.isthmus", folder / "r.csv"
    figures = json.loads(ask(capfd, "evaluate", model, data, "--json"))
    assert figures["recall@10"] == 1
    codes = as_rows(ask(capfd, "encode", model, data))
    assert [int(row["user"]) for row in codes] == list(range(60))
    assert json.loads(ask(capfd, "info", model, "--json"))["method"] == "ease"
    for command in ("score", "reconstruct", "explain"):
        assert run([command, str(model), str(data)]) == 4
    assert "isthmus recommend" in capfd.readouterr().err


def test_a_model_that_does_not_recommend_says_so(folder, tmp_path, capfd):
    np.savetxt(
        tmp_path / "t.csv", np.eye(30, 3), delimiter=",", header="a,b,c", comments=""
    )
    fit = ["fit", str(tmp_path / "t.csv"), "--epochs", "1", "--quiet", "--out"]
    assert run([*fit, str(tmp_path / "t.isthmus")]) == 0
    assert run(["recommend", str(tmp_path / "t.isthmus"), str(folder / "r.csv")]) == 4
    assert "holds an autoencoder, and isthmus recommend needs" in capfd.readouterr().err


def test_fitting_says_what_the_columns_are(folder, tmp_path, capfd):
    words = folder / "r.csv", *EASE, *FIXED, "--out", tmp_path / "m.isthmus"
    assert run(["fit", *map(str, words)]) == 0
    told = capfd.readouterr().err
    assert "60 users, 18 items, 300 interactions\n" in told
    assert "user = userId, item = movieId, weight = rating, time = timestamp" in told


def test_a_sparse_matrix_is_a_table_of_interactions(tmp_path, capfd):
    X = sparse.random_array((40, 12), density=0.3, rng=0, format="csr")
    sparse.save_npz(tmp_path / "x.npz", X)
    model = tmp_path / "m.isthmus"
    words = tmp_path / "x.npz", *EASE, *FIXED, "--quiet", "--out", model
    ask(capfd, "fit", *words)
    found = as_rows(ask(capfd, "recommend", model, tmp_path / "x.npz", "--top", 2))
    own = isthmus.load(model).recommend(pd.DataFrame(_long(X)), top=2)
    assert [int(row["item"]) for row in found] == own["item"].tolist()
    assert not any(X[int(row["user"]), int(row["item"])] for row in found)


def _long(X):
    cells = X.tocoo()
    return {"user": cells.coords[0], "item": cells.coords[1], "weight": cells.data}


def test_a_plan_says_what_the_columns_are(folder, capfd):
    plan = json.loads(ask(capfd, "fit", folder / "r.csv", *EASE, "--dry-run", "--json"))
    assert (plan["users"], plan["items"], plan["method"]) == (60, 18, "ease")
    assert plan["columns"]["weight"] == "rating"
    assert plan["recipe"]["task"] == "recommender"


def test_a_recipe_makes_the_same_model(folder, tmp_path, capfd):
    toml = ask(capfd, "recipe", folder / "m.isthmus")
    (tmp_path / "r.toml").write_text(toml)
    words = ["fit", folder / "r.csv", "--recipe", tmp_path / "r.toml", "--out"]
    ask(capfd, *words, tmp_path / "again.isthmus")
    asked = [folder / "r.csv", "--user", 3]
    again = ask(capfd, "recommend", tmp_path / "again.isthmus", *asked)
    assert again == ask(capfd, "recommend", folder / "m.isthmus", *asked)
