"""Figures are drawn of whatever scores and explanations there are."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

from isthmus.estimator.explanation import Explanation
from isthmus.plots import draw_codes, draw_reasons, draw_scores, draw_series
from isthmus.plots.scores import _Scale
from isthmus.plots.series import _gaps
from isthmus.scores.reasons import in_words, reasons

SCORES = {
    "usual": -np.random.default_rng(0).gamma(2.0, size=500),
    "far": np.r_[np.zeros(300), -1e6, 1.0, 2.0],
    "equal": np.zeros(5),
    "one": np.array([-3.0]),
    "large": 1e4 + np.random.default_rng(0).normal(size=50),
}


def is_picture(path):
    return path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("offset", [None, -2.0, -math.inf])
@pytest.mark.parametrize("name", SCORES)
def test_scores_are_drawn_wherever_they_lie(tmp_path, name, offset):
    draw_scores(tmp_path / "s.png", SCORES[name], offset)
    assert is_picture(tmp_path / "s.png")


def test_labels_may_be_many_and_missing(tmp_path):
    labels = [None if i % 9 == 0 else i % 9 for i in range(500)]
    draw_scores(tmp_path / "s.png", SCORES["usual"], -3.0, labels)
    assert is_picture(tmp_path / "s.png")


@pytest.mark.parametrize("name", SCORES)
def test_bins_end_at_the_threshold(name):
    scores, scale = SCORES[name], _Scale(SCORES[name])
    edges = scale.edges(scores, -2.0)
    assert np.isclose(edges, -2.0).any()
    assert np.histogram(scores, edges)[0].sum() == len(scores)
    assert (np.diff(edges) > 0).all()


@pytest.mark.parametrize("name", ["usual", "far", "large"])
def test_ticks_are_several_and_stand_apart(name):
    scores, scale = SCORES[name], _Scale(SCORES[name])
    edges = scale.edges(scores, None)
    ticks = np.array(scale.ticks(edges[0], edges[-1]))
    assert 2 <= len(ticks) <= 9
    assert np.diff(scale(ticks)).min() > np.ptp(scale(edges[[0, -1]])) / 9


def explanation(kind):
    """Of two rows of two columns, in a container."""

    def table(cells):
        array = np.array(cells)
        return array if kind is np.array else kind({"a": array[:, 0], "b": array[:, 1]})

    unknown = [[math.nan, math.nan]] * 2
    return Explanation(
        contributions=table([[-1.0, 0.5], [-0.1, -2.0]]),
        rest=np.zeros(2),
        actual=table([[3.0, math.nan], [12345.6, 5.0]]),
        expected=table([[1.0, 2.0], [3.0, 4.0]]),
        actual_probability=table(unknown),
        expected_probability=table(unknown),
    )


@pytest.mark.parametrize("kind", [np.array, pd.DataFrame, pl.DataFrame])
def test_reasons_come_from_any_container(tmp_path, kind):
    told = explanation(kind)
    first, second = reasons(told, 1)
    assert [cell.contribution for cell in (*first, *second)] == [-1.0, -2.0]
    assert [cell.actual for cell in (*first, *second)] == [3.0, 5.0]
    assert math.isnan(first[0].tail)
    draw_reasons(tmp_path / "r.png", told)
    assert is_picture(tmp_path / "r.png")


def test_top_names_the_cells_that_take_most():
    told = explanation(np.array)._replace(tail=np.array([[0.01, 0.5], [0.3, 0.02]]))
    assert [[c.column for c in row] for row in told.top(2)] == [
        ["x0", "x1"],
        ["x1", "x0"],
    ]
    assert told.top(1)[0][0].tail == 0.01


def test_what_mends_most_is_to_blame_first():
    told = explanation(np.array)._replace(
        contributions=np.array([[-3.0, -2.0], [-3.0, -2.0]]),
        mends=np.array([[1.0, 4.0], [math.nan, 0.5]]),
    )
    names = [[cell.column for cell in row] for row in told.top(2)]
    assert names == [["x1", "x0"], ["x1", "x0"]]


@pytest.mark.parametrize(
    ("cell", "probability", "words"),
    [
        (1.23456, math.nan, "1.235"),
        (12345.6, math.nan, "12346"),
        (math.nan, math.nan, "missing"),
        (None, math.nan, "missing"),
        ("nurse", 0.25, "nurse 25%"),
        (7, math.nan, "7"),
    ],
)
def test_cells_in_words(cell, probability, words):
    assert in_words(cell, probability) == words


def test_of_many_names_the_most_frequent_have_colours(tmp_path):
    names = np.repeat([f"name {k:02}" for k in range(30)], np.arange(30) + 1)
    path = tmp_path / "codes.svg"
    draw_codes(path, np.random.default_rng(0).normal(size=(len(names), 2)), names)
    text = path.read_text()
    assert all(f"name {k}" in text for k in range(20, 30))
    assert "others" in text
    assert "name 19" not in text


HOURS = pd.date_range("2024-01-01", periods=90, freq="h")


@pytest.mark.parametrize(
    "times",
    [None, HOURS, pd.Series(HOURS, index=range(5, 95)), HOURS.tz_localize("UTC")],
)
@pytest.mark.parametrize("offset", [None, -2.0, -math.inf])
def test_series_are_drawn_beside_what_was_expected(tmp_path, times, offset):
    columns = {f"c{j}": np.sin(np.arange(90) / (j + 2)) for j in range(9)}
    expected = {name: 0.9 * values for name, values in columns.items()}
    scores = np.where(np.arange(90) % 89 == 0, -3.0, -1.0)  # the first and the last
    draw_series(
        tmp_path / "s.png", columns, expected, scores=scores, offset=offset, times=times
    )
    assert is_picture(tmp_path / "s.png")


def test_lines_are_broken_where_rows_are_missing():
    at = np.delete(np.arange(20), [5, 11, 12])  # one that lacks is bridged
    assert _gaps(at).tolist() == [10]
    days = np.datetime64("2024-01-01") + at
    assert _gaps(days).tolist() == [10]
    assert _gaps(at[:1]).tolist() == []
