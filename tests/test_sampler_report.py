"""A report says how like made rows are to real ones, and what they give away."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_digits

import isthmus
from isthmus.errors import DataError
from isthmus.generation.fidelity import contingencies, correlations, marginals
from isthmus.generation.privacy import privacy
from isthmus.generation.utility import utility


def cells(n, seed, slope=1.0):
    """A number, another that follows it, and a category that follows both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = slope * x + rng.normal(size=n)
    word = np.where(x + y > 0, "up", "down").astype(object)
    word[::10] = None
    x[1::10] = np.nan
    return {"x": x, "y": y, "word": word}


TRAIN, OTHERS = cells(2000, 0), cells(2000, 1)


def test_distances_of_columns_are_those_of_the_textbook():
    found = marginals(TRAIN, OTHERS)
    known = [c["x"][~np.isnan(c["x"])] for c in (TRAIN, OTHERS)]
    assert found["x"] == pytest.approx(stats.ks_2samp(*known).statistic)
    shares = [
        pd.Series(c["word"]).fillna("-").value_counts(normalize=True)
        for c in (TRAIN, OTHERS)
    ]
    assert found["word"] == pytest.approx(
        float((shares[0] - shares[1]).abs().sum() / 2)
    )
    assert marginals(TRAIN, TRAIN) == {"x": 0.0, "y": 0.0, "word": 0.0}


def test_correlations_are_those_of_ranks():
    steep = cells(2000, 2, slope=-1.0)
    ((pair, found),) = correlations(TRAIN, steep).items()
    rhos = []
    for table in (TRAIN, steep):
        frame = pd.DataFrame({"x": table["x"], "y": table["y"]}).dropna()
        rhos.append(stats.spearmanr(frame["x"], frame["y"]).statistic)
    assert pair == ("x", "y")
    assert found == pytest.approx(abs(rhos[0] - rhos[1]))


def test_tables_of_pairs_are_counted():
    one = {"a": np.array(["p", "p", "q", "q"], object), "b": np.array([0.0, 0, 9, 9])}
    two = {"a": np.array(["p", "p", "q", "q"], object), "b": np.array([9.0, 9, 0, 0])}
    assert contingencies(one, one)["a", "b"] == 0
    assert contingencies(one, two)["a", "b"] == 1  # no pair of cells occurs in both
    mixed = {"a": one["a"], "b": np.array([0.0, 9, 0, 9])}
    assert contingencies(one, mixed)["a", "b"] == 0.5


def test_what_was_learned_from_noise_predicts_nothing():
    rng = np.random.default_rng(3)
    noise = {name: rng.permutation(column) for name, column in TRAIN.items()}
    number = utility("y", TRAIN, noise, OTHERS)
    assert number.metric == "r2"
    assert number.real > 0.4
    assert number.made < 0.1
    word = utility("word", TRAIN, OTHERS, OTHERS, trees=30)
    assert word.metric == "f1"
    assert word.real > 0.85
    assert word.made > word.real  # it has seen the answers
    constant = {**TRAIN, "word": np.array(["up"] * 2000, object)}
    assert utility("word", constant, TRAIN, OTHERS) is None


def test_copies_are_told_from_what_chance_does():
    new = cells(2000, 2)
    fair = privacy(TRAIN, OTHERS, new)
    assert fair.copies == fair.coincidences == 0
    assert fair.nearer == pytest.approx(0.5, abs=0.04)
    assert fair.distance == pytest.approx(fair.usual_distance, rel=0.1)
    half = {n: np.where(np.arange(2000) % 2 == 0, TRAIN[n], new[n]) for n in TRAIN}
    told = privacy(TRAIN, OTHERS, half)
    assert told.copies == 0.5
    assert told.memorised == 1000
    assert told.nearer > 0.7
    # where rows coincide anyhow, equal rows are no proof
    coarse = [
        {"a": np.random.default_rng(s).integers(0, 9, 900).astype(float)}
        for s in (1, 2, 3)
    ]
    by_chance = privacy(*coarse)
    assert by_chance.copies == by_chance.coincidences == 1
    assert by_chance.memorised == 0
    assert by_chance.nearer == pytest.approx(0.5, abs=0.02)


def test_distances_are_those_that_are_said():
    known = {
        "x": np.array([1.0, 2, 3, 4]),
        "w": np.array(["a", "a", "b", None], object),
    }
    new = {"x": np.array([1.0, 4.0]), "w": np.array(["b", "b"], object)}
    found = privacy(known, new, new)
    # ranks of x are 1/8, 3/8, 5/8, 7/8 of the way: (1, b) is nearest to (3, b), or to
    # (1, a) if half a rank were dearer than a word; (4, b) to (3, b)
    assert found.usual_distance == pytest.approx(np.mean([0.5, 0.25]))


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    y = x + rng.normal(size=2000)
    frame = pd.DataFrame(
        {"x": x, "y": y, "word": np.where(y > 0, "up", "down"), "pos": x > 0}
    )
    frame["word"] = frame["word"].mask(rng.random(2000) < 0.1)
    return frame[:1000], frame[1000:].reset_index(drop=True)


@pytest.fixture(scope="module")
def sampler(frames):
    training = isthmus.Training(epochs=40)
    return isthmus.Sampler(training=training, verbose=0).fit(frames[0])


def test_a_report_has_figures_words_and_a_picture(sampler, frames, tmp_path):
    report = sampler.report(*frames, target="word")
    figures = report.figures()
    assert figures["marginals"]["mean"] < 0.06
    assert figures["correlations"]["mean"] < 0.1
    assert (
        figures["contingencies"]["mean"] < figures["contingencies"]["of_chance"] + 0.1
    )
    (told,) = figures["utility"]
    assert told["made"] > 0.8 * told["real"]
    assert figures["privacy"]["memorised"] == 0
    assert 0.4 < figures["privacy"]["nearer"] < 0.6
    words = str(report)
    assert "word is predicted with f1" in words
    assert "memorised: 0" in words
    report.draw(tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    again = sampler.report(*frames, target="word")
    assert again.figures() == figures


def test_without_a_target_every_column_is_predicted(sampler, frames):
    report = sampler.report(frames[0], frames[1], n=300)
    assert [one.column for one in report.utility] == list(frames[0])
    assert "worst of 4 columns" in str(report)
    with pytest.raises(DataError, match="no column to predict 'words'"):
        sampler.report(*frames, target="words")


def test_images_have_no_report():
    X = load_digits().images[:60]
    training = isthmus.Training(epochs=1)
    sampler = isthmus.Sampler(training=training, verbose=0).fit(X)
    with pytest.raises(DataError, match="on a table"):
        sampler.report(X, X)
