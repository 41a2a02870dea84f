"""Odd rows of series, one by one or all at once."""

import numpy as np
import pandas as pd
import pytest
import torch

import isthmus
from isthmus.data.windows import Windows
from isthmus.errors import DataError
from isthmus.estimator.rolling import near_of, weights_of
from isthmus.estimator.surrounding import _smooth

FAST = {"effort": "fast", "verbose": 0}


def sines(rows=900, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(rows)[:, None] / np.array([6.0, 11.0])
    return np.sin(t) + 0.05 * rng.normal(size=t.shape)


def broken():
    X = sines(seed=1)
    X[500:520, 0] += 1.5
    return X


def plant():
    """Two machines, with a gap each and a switch."""
    frame = pd.DataFrame(sines(), columns=["heat", "load"])
    frame["when"] = pd.date_range("2024-01-01", periods=len(frame), freq="5min")
    frame["switch"] = np.where(np.arange(len(frame)) % 100 < 50, "on", "off")
    frame = frame.drop(index=range(300, 310)).drop(index=range(600, 740))
    both = pd.concat([frame.assign(unit="a"), frame.assign(unit="b", load=0.9)])
    return both.sort_values("when", kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def fitted():
    return isthmus.AnomalyDetector(kind="series", **FAST).fit(sines())


@pytest.fixture(scope="module")
def around():
    kind = isthmus.Series(look_ahead=True)
    return isthmus.AnomalyDetector(kind=kind, **FAST).fit(sines())


@pytest.mark.parametrize("cuts", [[1] * 30, [7, 64, 400], [450], []])
def test_a_stream_has_the_scores_of_the_whole(cuts, fitted):
    X = broken()
    pieces = np.split(X, np.cumsum(cuts))
    found = [fitted.update(piece, new=k == 0) for k, piece in enumerate(pieces)]
    assert [len(scores) for scores in found] == [len(piece) for piece in pieces]
    assert np.array_equal(np.concatenate(found), fitted.score_samples(X))


def test_the_first_call_after_a_fit_begins_a_stream(fitted):
    again = isthmus.AnomalyDetector(kind="series", **FAST)
    X = broken()
    for _ in range(2):
        again.fit(sines())
        assert np.array_equal(again.update(X[:100]), fitted.score_samples(X[:100]))


def test_many_series_with_gaps_are_followed_at_once():
    frame = plant()
    kind = isthmus.Series(time="when", by="unit", window=32)
    model = isthmus.AnomalyDetector(kind=kind, **FAST).fit(frame)
    whole = model.score_samples(frame)
    assert np.isfinite(whole).all()
    parts = [model.update(frame.iloc[k : k + 101]) for k in range(0, len(frame), 101)]
    assert np.array_equal(np.concatenate(parts), whole)
    with pytest.raises(DataError, match=r"Row 0, .* earlier than one of an update"):
        model.update(frame[:5].assign(when=frame["when"][:5] + pd.Timedelta("1min")))


def test_a_score_depends_on_the_rows_before_it_alone(fitted):
    X = broken()
    scores = fitted.score_samples(X)
    assert np.array_equal(fitted.score_samples(X[:505]), scores[:505])
    changed = X.copy()
    changed[600:] = 9
    assert np.array_equal(fitted.score_samples(changed)[:600], scores[:600])


@pytest.mark.parametrize("name", ["fitted", "around"])
def test_what_is_odd_scores_low(name, request):
    model = request.getfixturevalue(name)
    scores = model.score_samples(broken())
    assert scores.shape == (900,)
    assert scores[500:520].mean() < 2 * np.median(scores)
    assert (model.predict(broken())[505:520] == -1).mean() > 0.7
    told = model.explain(broken())
    np.testing.assert_allclose(told.contributions.sum(axis=1) + told.rest, scores)
    parts = told.contributions[505:520]
    assert (parts[:, 0] < parts[:, 1]).mean() > 0.7


@pytest.mark.parametrize("rows", [1, 2, 20, 95, 96, 97])
@pytest.mark.parametrize("name", ["fitted", "around"])
def test_short_series_have_finite_scores(rows, name, request):
    scores = request.getfixturevalue(name).score_samples(sines()[:rows])
    assert scores.shape == (rows,)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", ["fitted", "around"])
def test_a_saved_detector_is_the_same(name, request, tmp_path):
    model = request.getfixturevalue(name)
    isthmus.save(model, tmp_path / "d.isthmus")
    loaded = isthmus.load(tmp_path / "d.isthmus")
    assert loaded.kind == model.kind
    assert np.array_equal(loaded.score_samples(broken()), model.score_samples(broken()))
    assert np.array_equal(loaded.p_values(broken()), model.p_values(broken()))


def test_only_scores_of_the_past_can_be_updated(around):
    with pytest.raises(DataError, match="update needs a detector of series"):
        around.update(sines()[:5])
    table = isthmus.AnomalyDetector(**FAST).fit(sines()[:100])
    with pytest.raises(DataError, match="update needs a detector of series"):
        table.update(sines()[:5])


def test_cells_of_a_series_are_not_changed(fitted):
    with pytest.raises(DataError, match="Cells are changed in rows of a table"):
        fitted.smallest_change(broken())


def test_an_autoencoder_of_ones_own_sees_two_windows():
    own = isthmus.Autoencoder(size=3, epochs=2)
    kind = isthmus.Series(window=16)
    model = isthmus.AnomalyDetector(kind=kind, autoencoder=own, **FAST).fit(sines())
    assert [v.module.event[-1] for v in model._scorer.judge.views] == [16, 3]
    assert model.autoencoder_.recipe_.architecture.kind() == "conv1d"
    stream = [model.update(piece) for piece in np.split(broken(), 9)]
    assert np.array_equal(np.concatenate(stream), model.score_samples(broken()))


def test_missing_cells_weigh_nothing():
    X = sines()
    X[300:430, 1] = np.nan
    model = isthmus.AnomalyDetector(kind="series", **FAST).fit(X)
    told = model.explain(X)
    assert np.isfinite(model.score_samples(X)).all()
    assert (told.contributions[400:430, 1] == 0).all()  # the window has none of it


def test_switches_weigh_together_as_much_as_one_column():
    x = torch.randn(50, 4)
    x[:, 1:] = (x[:, 1:] > 0).float()
    found = weights_of(Windows(x, None, ((50,),), (5,), (1,)))
    torch.testing.assert_close(found, torch.tensor([1 / 2] + [1 / 6] * 3))


@pytest.mark.parametrize(("ahead", "times"), [(False, 1), (True, 2)])
def test_errors_of_few_columns_are_smoothed_longer(ahead, times):
    assert near_of(100, torch.ones(1), ahead=ahead) == 100 * times
    assert near_of(100, torch.full((4,), 1 / 4), ahead=ahead) == 50 * times
    assert near_of(3, torch.full((100,), 1 / 100), ahead=ahead) == 1


def test_a_mean_of_what_is_around():
    values = torch.tensor([[0.0], [3.0], [6.0], [9.0]])
    assert _smooth(values, 3).flatten().tolist() == [1.5, 3.0, 6.0, 7.5]
    assert _smooth(values, 1).equal(values)
