"""Tables of odd numbers, and of gaps: every answer is finite, and gaps say nothing."""

import contextlib

import numpy as np
import pytest
import torch
from small import (
    HARDY,
    PRESETS,
    answers,
    base,
    fitted,
    quick,
    rows,
    with_cell,
    with_column,
)

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.errors import IsthmusWarning

FINITE = {
    "base": base(),
    "constant column": with_column(np.full(200, 3.3)),
    "constant table": np.full((200, 6), 3.3),
    "zeros": np.zeros((200, 6)),
    "one NaN": with_cell(np.nan),
    "column x 1e30": base() * [1, 1, 1, 1, 1, 1e30],
    "column x 1e140": base() * [1, 1, 1, 1, 1, 1e140],
    "one cell 1e12": with_cell(1e12),
    "one cell 1e150": with_cell(1e150),
    "copies of one row": np.repeat(base()[:1], 200, axis=0),
    "20 rows": base()[:20],
    "int8": (base() * 40).astype(np.int8),
    "float32": base().astype(np.float32),
    "numbers as text": base().astype(str),
    "subnormal": base() * 1e-310,
    "nearly nothing": with_column(np.full(200, 4.329664661005749e-151)),
    "bool": base() > 0,
    "object": base().astype(object),
    "500 columns": np.random.default_rng(0).normal(size=(20, 500)),
    "missing column": with_column(np.full(200, np.nan)),
}
REFUSED = {
    "nothing but missing": (np.full((20, 6), np.nan), "Every cell is missing"),
    "one inf": (with_cell(np.inf), "column 'x2' holds inf in row 17"),
    "column x 1e300": (with_column(np.full(200, 1e300)), "column 'x5' holds 1e"),
    "one row": (base()[:1], "minimum of 2 is required"),
    "no rows": (base()[:0], "minimum of 2 is required"),
    "no columns": (base()[:, :0], r"0 feature\(s\)"),
    "text": (np.full((9, 2), "a"), "every cell is the same"),
}


@pytest.mark.parametrize("name", HARDY)
@pytest.mark.parametrize("table", FINITE)
def test_a_hard_table_has_finite_scores(name, table):
    estimator = quick(name, random_state=1).fit(FINITE[table])
    known = ~np.isnan(np.asarray(FINITE[table], dtype=float)).all(axis=0)
    for answer in answers(estimator, FINITE[table]):
        of_columns = answer.ndim == 2 and answer.shape[1] == len(known)
        assert np.isfinite(answer[:, known] if of_columns else answer).all()


@pytest.mark.parametrize("table", REFUSED)
def test_an_impossible_table_is_refused_by_name(table):
    data, complaint = REFUSED[table]
    with pytest.raises(ValueError, match=complaint):
        quick("undercomplete").fit(data)


@pytest.mark.parametrize("likelihood", ["normal", "huber", "bce"])
@pytest.mark.parametrize("table", FINITE)
def test_a_hard_table_has_finite_likelihoods(likelihood, table):
    estimator = quick("undercomplete", likelihood=likelihood).fit(FINITE[table])
    assert np.isfinite(estimator.score_samples(FINITE[table])).all()


@pytest.mark.parametrize("batch_size", [1, 2, 7, 64])
def test_any_number_of_rows_will_do(batch_size):
    norm = Mlp(hidden=(4,), norm="batch")
    for n in range(2, 41):
        estimator = isthmus.Autoencoder(
            architecture=norm, size=2, epochs=1, batch_size=batch_size, verbose=0
        )
        assert np.isfinite(estimator.fit(rows(n)).score_samples(rows(n))).all()


def changed_constant(changed):
    """A column of one number that holds another is told, if that is what it did."""
    if not changed:
        return contextlib.nullcontext()
    return pytest.warns(IsthmusWarning, match="Not seen in fitting: 'x5': 300 cells")


@pytest.mark.parametrize("constant", [0.0, 0.1, 5.0, -1e6])
@pytest.mark.parametrize("jitter", [0.0, 1e-9])
def test_a_constant_column_does_not_drown_the_others(constant, jitter):
    chance = np.random.default_rng(0)
    X = np.column_stack([rows(300, 5), np.full(300, constant)])
    X[:, 5] += constant * jitter * chance.normal(size=300)
    estimator = quick("undercomplete", epochs=20).fit(X)
    X[:, 5] += 0.001
    with changed_constant(constant * jitter == 0):
        cells = estimator.explain(X).contributions
    assert cells[:, 5].min() > np.quantile(cells[:, :5], 0.001)


# -------------------------------------------------- missing cells


@pytest.mark.parametrize("name", PRESETS)
def test_a_missing_cell_contributes_exactly_nothing(name):
    X = rows(missing=0.2)
    cells = fitted(name, missing=0.2).explain(X).contributions
    assert (cells[np.isnan(X)] == 0).all()
    assert (cells[~np.isnan(X)] != 0).all()


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_row_of_missing_cells_scores_0_and_is_filled(missing):
    estimator = fitted("undercomplete", missing=missing)
    X = np.vstack([rows(), np.full((1, 6), np.nan)])
    scores = estimator.score_samples(X)
    assert scores[-1] == 0
    np.testing.assert_array_equal(scores[:-1], estimator.score_samples(rows()))
    assert np.isfinite(estimator.reconstruct(X)).all()


def test_a_column_of_missing_cells_says_nothing():
    X = with_column(np.full(200, np.nan))
    estimator = quick("undercomplete").fit(X)
    assert (estimator.explain(X).contributions[:, 5] == 0).all()
    figures = estimator.evaluate(X)
    assert figures["mse"] * 5 == pytest.approx(figures["reconstruction"], rel=1e-5)


def test_what_stands_in_a_missing_cell_teaches_nothing():
    """Two models learn the same where a column is missing, whatever its units."""
    X = rows(missing=0.1)
    one = quick("undercomplete").fit(X)
    two = quick("undercomplete").fit(X * [1, 1, 1, 1, 1, 1024.0])
    for a, b in zip(one.module_.parameters(), two.module_.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
