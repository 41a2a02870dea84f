"""Presets side by side, and what their codes are used for."""

import numpy as np
import pandas as pd
import pytest

import isthmus
from isthmus import registry
from isthmus.errors import DataError, RecipeError
from isthmus.tuning.code_use import CodeUse


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    kind = np.repeat(["a", "b", "c"], 40)
    centre = {"a": -4.0, "b": 0.0, "c": 4.0}
    x = np.array([centre[k] for k in kind])[:, None] + rng.normal(size=(120, 4))
    frame = pd.DataFrame(x, columns=list("pqrs")).assign(
        odd=rng.choice(["x", "y"], 120)
    )
    return frame, kind


def test_codes_of_one_direction_have_rank_one():
    line = np.linspace(-1, 1, 50)[:, None]
    use = CodeUse.of(line * np.array([[1.0, 2.0, 0.0, 1e-9]]))
    assert use == (pytest.approx(2.0, abs=0.05), 2, pytest.approx(1.0))


def test_codes_of_equal_directions_have_full_rank():
    z = np.concatenate([np.eye(4), -np.eye(4)])
    assert CodeUse.of(z) == (1.0, 0, pytest.approx(4.0))


def test_codes_that_never_vary_have_no_rank():
    assert CodeUse.of(np.zeros((5, 3))) == (0.0, 3, pytest.approx(1.0))


def test_presets_stand_side_by_side_with_pca(table, tmp_path):
    frame, kind = table
    found = isthmus.compare(
        frame,
        kind,
        presets=["undercomplete", "k_sparse"],
        fixed={"epochs": 5},
        verbose=0,
    )
    rows = found.to_dicts()
    assert [row["preset"] for row in rows] == ["undercomplete", "k_sparse", "PCA"]
    assert rows[1]["active"] == pytest.approx(8, abs=0.1)
    assert rows[-1]["size"] == rows[0]["size"] == 2
    assert rows[-1]["probe"] > 0.9
    assert rows[-1]["nmi"] > 0.6
    assert all(0 < row["rebuilt"] < 1.5 for row in rows)
    assert found.probe == "accuracy"
    assert str(found).count("\n") == 3
    assert found.table.num_rows == 3
    found.plot(tmp_path / "presets.svg")
    assert (tmp_path / "presets.svg").stat().st_size > 1000


def test_presets_that_do_not_take_the_data_are_left_out(table, capsys):
    found = isthmus.compare(table[0], fixed={"epochs": 1, "size": 4})
    asked = {row["preset"] for row in found.to_dicts()}
    assert asked == {*registry.names("presets"), "PCA"} - {"topics", "k_sparse"}
    told = capsys.readouterr().err
    assert "topics  left out: " in told
    assert "k_sparse  left out: " in told
    for name, error in (("topics", DataError), ("k_sparse", RecipeError)):
        with pytest.raises(error):
            isthmus.compare(table[0], presets=[name], fixed={"size": 4})


def test_labels_that_are_numbers_have_no_clusters(table):
    frame, _ = table
    how = {"presets": ["linear"], "fixed": {"epochs": 2}, "verbose": 0}
    found = isthmus.compare(frame.drop(columns="p"), frame["p"], **how)
    assert found.probe == "R2"
    assert found.found[0].nmi is None
    none = isthmus.compare(frame, **how)
    assert none.probe is None
    assert "NMI" not in str(none)


def test_an_unknown_preset_is_refused(table):
    with pytest.raises(RecipeError, match="Did you mean 'masked'"):
        isthmus.compare(table[0], presets=["maskd"])
    with pytest.raises(RecipeError, match="one at least"):
        isthmus.compare(table[0], presets=[])
