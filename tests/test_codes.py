"""What codes say: neighbours, alignment, traversals, and figures of what is known."""

import numpy as np
import pandas as pd
import pytest

import isthmus
from isthmus.errors import DataError
from isthmus.metrics import dci, mean_max_cosine, mutual_information_gap
from isthmus.metrics.disentanglement import _scores
from isthmus.plots import plot_traversal


class Codes:
    """A model whose codes are given."""

    def __init__(self, make):
        self.make = make

    def transform(self, X):
        return self.make(np.asarray(X))

    def inverse_transform(self, z):
        return z


@pytest.fixture(scope="module")
def factors():
    return np.random.default_rng(0).integers(0, 5, size=(4000, 3))


def test_nearest_rows_are_those_of_brute_force():
    rng = np.random.default_rng(0)
    X, query = rng.normal(size=(50, 4)), rng.normal(size=(7, 4))
    model = Codes(lambda X: X[:, :2])
    distances, places = isthmus.nearest(model, X, query, n_neighbors=3)
    gaps = np.linalg.norm(query[:, None, :2] - X[None, :, :2], axis=2)
    np.testing.assert_array_equal(places, np.argsort(gaps, axis=1)[:, :3])
    np.testing.assert_allclose(distances, np.sort(gaps, axis=1)[:, :3])
    _, others = isthmus.nearest(model, X)
    assert not (others == np.arange(50)[:, None]).any()
    with pytest.raises(DataError, match="between 1 and 49"):
        isthmus.nearest(model, X, n_neighbors=50)


def test_a_turned_and_shuffled_code_is_recognised():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    shuffled = isthmus.align(Codes(np.copy), Codes(lambda X: -2 * X[:, [2, 0, 1]]), X)
    assert sorted(map(tuple, shuffled.pairs)) == [(0, 1), (1, 2), (2, 0)]
    np.testing.assert_allclose(shuffled.correlations, -1)
    turned = isthmus.align(Codes(np.copy), Codes(lambda X: 3 * X @ turn + 1), X)
    assert turned.linear_r2 == pytest.approx(1)
    assert turned.rotation_r2 == pytest.approx(1)
    np.testing.assert_allclose(turned.rotation, turn.T, atol=1e-6)
    np.testing.assert_allclose(turned.transform(X), 3 * X @ turn + 1)
    sheared = isthmus.align(Codes(np.copy), Codes(lambda X: X * [1, 5, 25]), X)
    assert sheared.linear_r2 == pytest.approx(1)
    assert sheared.rotation_r2 < 0.9
    strange = isthmus.align(
        Codes(np.copy), Codes(lambda X: rng.normal(size=(len(X), 2))), X
    )
    assert strange.linear_r2 < 0.1
    assert len(strange.pairs) == 2


def test_two_fitted_models_are_aligned():
    X = pd.DataFrame(
        np.random.default_rng(0).normal(size=(100, 4)), columns=list("abcd")
    )
    one, other = (
        isthmus.linear(size=2, epochs=2, random_state=s, verbose=0).fit(X)
        for s in (0, 1)
    )
    found = isthmus.align(one, other, X)
    assert found.coefficients.shape == (2, 2)
    assert "linear_r2" in repr(found)


def test_the_gap_is_one_for_a_copy_and_none_for_twins(factors):
    rng = np.random.default_rng(1)
    copy = factors[:, [1, 2, 0]] * [1.0, -3.0, 7.0]
    assert mutual_information_gap(copy, factors) == pytest.approx(1, abs=0.01)
    assert mutual_information_gap(np.hstack([copy, copy]), factors) == pytest.approx(0)
    assert mutual_information_gap(rng.normal(size=(4000, 4)), factors) < 0.02
    one = np.hstack([factors[:, :1], rng.normal(size=(4000, 2))])
    assert mutual_information_gap(one, factors) == pytest.approx(1 / 3, abs=0.02)


def test_the_gap_agrees_with_counting():
    rng = np.random.default_rng(0)
    v, z = rng.integers(0, 3, 300), rng.integers(0, 20, (300, 3)).astype(float)
    z[:, 0] = v * 9 + rng.integers(0, 2, 300)  # 0, 1, 9, 10, 18 or 19
    z[:2] = [[0, 0, 0], [19, 19, 19]]  # so that 20 bins are the 20 values

    def entropy(*columns):
        _, counts = np.unique(np.stack(columns), axis=1, return_counts=True)
        return -(counts / 300 * np.log(counts / 300)).sum()

    told = sorted(entropy(e) + entropy(v) - entropy(e, v) for e in z.T)
    expected = (told[-1] - told[-2]) / entropy(v)
    assert mutual_information_gap(z, v) == pytest.approx(expected)


def test_dci_of_a_copy_is_one_and_of_a_mixture_is_not(factors):
    found = dci(factors.astype(float), factors)
    assert found.disentanglement > 0.98
    assert found.completeness > 0.98
    assert found.informativeness > 0.99
    np.testing.assert_allclose(found.importance.sum(axis=0), 1)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    mixed = dci(factors @ turn, factors)
    assert mixed.disentanglement < 0.7
    assert mixed.informativeness > 0.8


def test_dci_scores_are_those_of_the_paper_in_known_cases():
    assert _scores(np.eye(4)) == pytest.approx((1, 1))
    assert _scores(np.ones((3, 5))) == pytest.approx((0, 0))
    # two entries share a factor: each speaks of one, the factor is told by two
    twins = np.array([[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]])
    complete = (1 - np.log(2) / np.log(3) + 1) / 2
    assert _scores(twins) == pytest.approx((1, complete))
    idle = np.vstack([np.eye(2), np.zeros((1, 2))])
    assert _scores(idle) == pytest.approx((1, 1))


def test_what_is_no_factor_is_refused(factors):
    with pytest.raises(DataError, match="Factor 1 has but one value"):
        mutual_information_gap(factors, factors * [1, 0, 1])
    with pytest.raises(DataError, match="as many rows"):
        dci(factors[:5], factors)


def test_cosines_are_those_of_the_nearest_atom():
    true = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert mean_max_cosine(true, [[0, 9], [5, 0], [0, 0]]) == pytest.approx(1)
    assert mean_max_cosine(true, [[1, 1]]) == pytest.approx(np.sqrt(0.5))
    assert mean_max_cosine(true, [[-1, 0], [0, 0]]) == pytest.approx(0)
    with pytest.raises(DataError, match="one length"):
        mean_max_cosine(true, [[1, 2, 3]])


def test_traversals_are_drawn_of_tables_and_images(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(60, 5)), columns=list("abcde"))
    table["word"] = rng.choice(["x", "y"], 60)
    images = rng.integers(0, 255, (40, 8, 8), dtype=np.uint8)
    pixels = rng.random((40, 64))
    for j, (X, more) in enumerate(
        [(table, {}), (images, {}), (pixels, {"pixels": (8, 8), "row": 3})]
    ):
        model = isthmus.Autoencoder(size=3, epochs=1, verbose=0).fit(X)
        path = tmp_path / f"{j}.png"
        figure = plot_traversal(model, X, path, entries=[2, 0], steps=4, **more)
        assert path.read_bytes().startswith(b"\x89PNG")
        assert len(figure.axes) == (2 if X is table else 8)


def test_entries_that_do_nothing_come_last():
    X = np.random.default_rng(0).normal(size=(50, 3))
    figure = plot_traversal(Codes(lambda X: X * [1, 0, 5]), X)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["z2", "z0", "z1"]
