"""isthmus impute: a file with gaps, and the same without."""

import json

import pyarrow.csv
import pytest
from terminal import ask

from isthmus.cli.program import run
from isthmus.errors import IsthmusWarning


@pytest.fixture(scope="module")
def gaps(folder, tmp_path_factory):
    """A table with gaps, and an imputer of it."""
    here = tmp_path_factory.mktemp("impute")
    table = pyarrow.csv.read_csv(folder / "data.csv")
    cells = [None if i % 5 == 0 else v for i, v in enumerate(table["c1"].to_pylist())]
    words = [None if i % 4 == 0 else "ab"[i % 2] for i in range(len(cells))]
    place = table.column_names.index("c1")
    table = table.set_column(place, "c1", [cells]).append_column("word", [words])
    pyarrow.csv.write_csv(table, here / "gaps.csv")
    words = ["--task", "imputer", "--id", "name", "--epochs", "3", "--quiet"]
    out = ["--out", str(here / "i.isthmus")]
    assert run(["fit", str(here / "gaps.csv"), *words, *out]) == 0
    return here


def test_a_table_is_filled(gaps, capfd):
    out, picture = gaps / "filled.csv", gaps / "filled.png"
    files = gaps / "i.isthmus", gaps / "gaps.csv"
    words = [*files, "--out", out, "--picture", picture]
    assert run(["impute", *map(str, words)]) == 0
    told = capfd.readouterr().err
    assert "cells are missing, and are filled: " in told
    filled = pyarrow.csv.read_csv(out)
    given = pyarrow.csv.read_csv(gaps / "gaps.csv")
    assert set(filled.column_names) == set(given.column_names)
    assert not any(column.null_count for column in filled.columns)
    assert set(filled["word"].to_pylist()) == {"a", "b"}
    assert filled["c0"].equals(given["c0"])
    there = given["c1"].is_valid()
    assert f"c1 {given['c1'].null_count}" in told
    assert filled["c1"].filter(there).equals(given["c1"].filter(there))
    assert picture.stat().st_size > 5_000


def test_draws_stand_below_one_another(gaps, capfd):
    out = gaps / "drawn.parquet"
    words = ["--draws", 3, "--seed", 1, "--out", out]
    ask(capfd, "impute", gaps / "i.isthmus", gaps / "gaps.csv", *words)
    drawn = pyarrow.parquet.read_table(out)
    assert drawn.num_rows == 360
    assert drawn["draw"].to_pylist()[::120] == [0, 1, 2]
    first, second = (drawn["c1"].to_pylist()[i : i + 120] for i in (0, 120))
    assert first != second
    assert first[1] == second[1]


def test_a_table_alone_is_learned_first(gaps, capfd):
    words = [gaps / "gaps.csv", "--draws", 2, "--json"]
    with pytest.warns(IsthmusWarning, match="Set aside: 'name'"):
        lines = ask(capfd, "impute", *words).splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 240
    assert all(row["word"] in {"a", "b"} for row in rows)
    assert run(["impute", "a", "b", "c"]) == 2


def test_the_plan_says_how_many_replicas(gaps, capfd):
    words = ["--id", "name", "--task", "imputer", "--dry-run"]
    told = ask(capfd, "fit", gaps / "gaps.csv", *words)
    assert "in each of 4 replicas" in told


def test_another_model_is_refused(folder, gaps, capfd):
    words = [folder / "autoencoder.isthmus", gaps / "gaps.csv"]
    assert run(["impute", *map(str, words)]) == 4
    assert "isthmus impute needs a model of --task imputer" in capfd.readouterr().err
