"""The estimator: it repeats itself, takes every table, and means what it says."""

import hashlib
import json
import os
import random
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from small import HARDY, PRESETS, answers, base, fitted, quick, rows

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.errors import (
    DataError,
    IsthmusWarning,
    NonFiniteLossError,
    RecipeError,
)


def assert_same(one, two):
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def digest(estimator, X):
    """A fingerprint of weights, history and answers."""
    state = estimator.module_.state_dict()
    pieces = [state[name].numpy().tobytes() for name in sorted(state)]
    pieces += [json.dumps(estimator.history_).encode()]
    pieces += [answer.tobytes() for answer in answers(estimator, X)]
    return hashlib.sha256(b"".join(pieces)).hexdigest()


# -------------------------------------------------- repetition


@pytest.mark.parametrize("name", PRESETS)
def test_a_second_fit_is_like_the_first(name):
    X, estimator = rows(missing=0.1), quick(name)
    first = digest(estimator.fit(X), X)
    torch.manual_seed(99)
    assert digest(estimator.fit(rows(40, 9)).fit(X), X) == first
    assert digest(quick(name).fit(X), X) == first
    assert digest(quick(name, random_state=1).fit(X), X) != first


ALL_PRESETS = """
    import hashlib
    import numpy as np
    from isthmus import registry

    X = np.random.default_rng(0).normal(size=(60, 6))
    X[3, 1] = np.nan
    for name in registry.names("presets"):
        if name == "topics":
            continue
        own = {"k": 2} if name == "k_sparse" else {}
        ae = registry.preset(name)(size=3, hidden=(8,), epochs=2, verbose=0, **own)
        weights = ae.fit(X).module_.state_dict().values()
        data = b"".join(w.numpy().tobytes() for w in weights)
        data += repr(ae.history_).encode() + ae.score_samples(X).tobytes()
        print(name, hashlib.sha256(data).hexdigest())
"""


def test_three_processes_agree_to_the_bit():
    code = textwrap.dedent(ALL_PRESETS)
    said = set()
    for seed in "123":  # of hashes, so that no set may decide an order
        surroundings = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env=surroundings,
        )
        said.add(done.stdout)
    (one,) = said
    assert len(one.splitlines()) == len(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_scoring_twice_gives_the_same_bits(name):
    estimator, X = fitted(name), rows(seed=1)
    first = answers(estimator, X)
    torch.manual_seed(99)
    assert_same(answers(estimator, X), first)


def global_states():
    return (
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002 - the global one
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        np.geterr(),
    )


@pytest.mark.parametrize("name", PRESETS)
def test_global_states_stay_as_they_were(name):
    estimator, X, before = quick(name), rows(), global_states()
    estimator.fit(X)
    assert global_states() == before
    answers(estimator, X)
    estimator.evaluate(X)
    estimator.partial_fit(X)
    assert global_states() == before


def test_a_random_state_is_drawn_from():
    chance = np.random.RandomState(0)
    one = quick("linear", random_state=chance).fit(rows()).score(rows())
    assert quick("linear", random_state=chance).fit(rows()).score(rows()) != one


# -------------------------------------------------- a row and its neighbours


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("name", PRESETS)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_answer_does_not_depend_on_the_other_rows(name, missing, seed):
    estimator, chance = fitted(name, missing=missing), np.random.default_rng(seed)
    X = rows(int(chance.integers(1, 80)), missing=missing, seed=2)
    whole, order = answers(estimator, X), chance.permutation(len(X))
    cuts = np.unique(chance.integers(1, len(X) + 1, size=3))
    pieces = [piece for piece in np.split(order, cuts) if len(piece)]
    parts = [answers(estimator, X[piece]) for piece in pieces]
    together = map(np.concatenate, zip(*parts, strict=True))
    assert_same(together, [answer[order] for answer in whole])


@pytest.mark.parametrize("columns", [1, 3, 17, 64])
@pytest.mark.parametrize("hidden", [(), (5,), (128, 64)])
def test_nor_does_it_in_long_tables(columns, hidden):
    size = max(columns // 2, 1)
    architecture = Mlp(hidden=hidden, dropout=0.1)
    estimator = quick("undercomplete", size=size, architecture=architecture)
    if columns == 1:
        estimator.set_params(corruption=quick("denoising").corruption)
    X = rows(1300, columns)
    whole = answers(estimator.fit(X), X)
    for start, stop in [(0, 1), (0, 512), (1, 514), (7, 1300), (1299, 1300)]:
        part = answers(estimator, X[start:stop])
        assert_same(part, [answer[start:stop] for answer in whole])


# -------------------------------------------------- containers

NAMES = list("abcdef")
CONTAINERS = {
    "list": np.ndarray.tolist,
    "tensor": torch.from_numpy,
    "float32": lambda X: X.astype(np.float32).astype(float),
    "fortran": np.asfortranarray,
    "pandas": lambda X: pd.DataFrame(X, columns=NAMES, index=range(9, 9 + len(X))),
    "polars": lambda X: pl.DataFrame(X, schema=NAMES),
    "pyarrow": lambda X: pa.table(dict(zip(NAMES, X.T, strict=True))),
}


def plain():
    """Numbers that float32 holds exactly."""
    return rows(missing=0.1).astype(np.float32).astype(float)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_gives_the_same_numbers(kind):
    X, table = plain(), CONTAINERS[kind](plain())
    one, two = quick("variational").fit(X), quick("variational").fit(table)
    np.testing.assert_array_equal(two.score_samples(table), one.score_samples(X))
    np.testing.assert_array_equal(two.transform(table), one.transform(X))
    np.testing.assert_array_equal(two.reconstruct(table), one.reconstruct(X))


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_come_back_in_their_kind(kind):
    table = CONTAINERS[kind](plain())
    estimator = quick("linear").fit(table)
    explained = estimator.explain(table)
    tables = [estimator.reconstruct(table), estimator.inverse_transform(np.eye(3))]
    for answer in [*tables, explained.contributions, explained.expected]:
        assert type(answer) is type(table)
        names = getattr(answer, "column_names", None) or list(answer.columns)
        assert names == NAMES


def test_the_index_comes_back():
    frame = CONTAINERS["pandas"](plain())
    estimator = quick("linear").fit(frame)
    assert estimator.reconstruct(frame).index.equals(frame.index)
    assert estimator.explain(frame[5:]).contributions.index.equals(frame.index[5:])


def test_a_frame_keeps_its_names_before_a_model_without_names():
    estimator = quick("linear").fit(plain())
    for names in (NAMES, range(6)):
        frame = pd.DataFrame(plain(), columns=list(names))
        assert list(estimator.reconstruct(frame).columns) == list(names)


def test_columns_are_matched_by_name():
    frame = CONTAINERS["pandas"](plain())
    estimator, turned = quick("linear").fit(frame), frame[NAMES[::-1]]
    pd.testing.assert_frame_equal(
        estimator.reconstruct(turned), estimator.reconstruct(frame)
    )
    np.testing.assert_array_equal(
        estimator.score_samples(pl.from_pandas(turned)), estimator.score_samples(frame)
    )


def test_missing_and_surplus_columns_stand_in_one_error():
    frame = CONTAINERS["pandas"](plain())
    estimator = quick("linear").fit(frame)
    with pytest.raises(DataError, match="missing: 'a', 'b'; not known: 'A', 'z'"):
        estimator.transform(frame.rename(columns={"a": "A", "b": "z"}))


@pytest.mark.parametrize("kind", [*CONTAINERS, "numpy"])
def test_the_table_is_left_as_it_was(kind):
    X, make = plain(), CONTAINERS.get(kind, np.copy)
    table = make(X)
    estimator = quick("masked").fit(table, validation=table)
    answers(estimator, table)
    estimator.evaluate(table)
    estimator.partial_fit(table)
    left = table.to_pandas() if kind == "pyarrow" else table
    np.testing.assert_array_equal(np.asarray(left, dtype=float), X)


# -------------------------------------------------- training


def test_validation_rows_of_ones_own_choose_the_weights():
    V, wild = rows(30, seed=3), isthmus.Training(learning_rate=0.3, patience=0)
    estimator = quick("undercomplete", training=wild, epochs=15)
    estimator.fit(rows(), validation=V)
    losses = [epoch["validation_loss"] for epoch in estimator.history_]
    assert losses.index(min(losses)) < 14  # or the last would be the best
    assert estimator.evaluate(V)["loss"] == min(losses)


def test_validation_rows_of_ones_own_are_not_learned_from():
    def weights(V):
        once = quick("undercomplete", epochs=1).fit(rows(), validation=V)
        return [p.detach() for p in once.module_.parameters()]

    assert_same(weights(rows(seed=3)), weights(rows(9, seed=4)))


def test_validation_frames_are_matched_by_name():
    frame = CONTAINERS["pandas"](plain())
    turned = quick("linear").fit(frame, validation=frame[NAMES[::-1]])
    straight = quick("linear").fit(frame, validation=frame)
    assert turned.history_ == straight.history_


@pytest.mark.parametrize(("share", "n"), [(0, 60), (0.1, 9)])
def test_without_validation_every_row_is_learned_from(share, n):
    estimator = quick("undercomplete", validation=share).fit(rows(n))
    assert set(estimator.history_[0]) == {"epoch", "loss", "reconstruction", "mse"}


@pytest.mark.parametrize("share", [-0.1, 1.0, 2])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(RecipeError, match=rf"validation must lie in \[0, 1\).*{share}"):
        quick("undercomplete", validation=share).fit(rows())


def test_training_ends_when_nothing_improves():
    still = isthmus.Training(learning_rate=1e-12, patience=3)
    estimator = quick("undercomplete", training=still, epochs=50).fit(rows())
    assert len(estimator.history_) == 1 + 3


def test_callbacks_hear_and_may_end_it():
    heard = []

    def stop(epoch):
        heard.append(epoch.figures)
        return epoch.number == 2

    estimator = quick("undercomplete", epochs=9, callbacks=(stop,)).fit(rows())
    assert heard == estimator.history_
    assert len(heard) == 2


def test_after_an_accident_the_estimator_is_usable():
    wild = isthmus.Training(learning_rate=1e38, optimizer="sgd", clip_ratio=0)
    estimator = quick("undercomplete", training=wild)
    with pytest.raises(NonFiniteLossError):
        estimator.fit(rows())
    for answer in answers(estimator, rows()):
        assert np.isfinite(answer).all()
    estimator.set_params(training=None).fit(rows())
    assert len(estimator.history_) == 2


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"epochs": 0}, {"batch_size": 0}], ids=str
)
def test_nothing_is_no_number(wrong):
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        quick("undercomplete", **wrong).fit(rows())


# -------------------------------------------------- figures


@pytest.mark.parametrize("name", PRESETS)
def test_evaluate_tells_every_term_and_the_metric(name):
    estimator, X = fitted(name), rows()
    figures = estimator.evaluate(X)
    terms = estimator.recipe_.costs()
    assert figures["loss"] == pytest.approx(sum(figures[t] for t in terms), rel=1e-5)
    assert figures["mse"] > 0
    assert estimator.evaluate(X)["loss"] == figures["loss"]
    assert set(estimator.history_[0]) >= {*terms, "mse", "validation_mse"}


@pytest.mark.parametrize(
    ("name", "figure", "shape"),
    [
        ("variational", "rate.rate_per_entry", (3,)),
        ("sparse_kl", "sparsity_kl.mean_activation", (3,)),
        ("vector_quantized", "commitment.codes_used", ()),
    ],
)
def test_evaluate_passes_on_what_terms_report(name, figure, shape):
    value = fitted(name).evaluate(rows())[figure]
    assert np.shape(value) == shape
    assert np.all(np.asarray(value) > 0)


@pytest.mark.parametrize("name", PRESETS)
def test_the_score_is_the_mean_over_the_rows(name):
    scores = fitted(name).score_samples(rows())
    assert scores.dtype == np.float64
    assert fitted(name).score(rows()) == scores.mean()


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("name", PRESETS)
def test_an_explanation_adds_up_exactly(name, missing):
    estimator, X = fitted(name, missing=missing), rows(missing=missing)
    explained = estimator.explain(X)
    total = explained.contributions.sum(axis=1) + explained.rest
    np.testing.assert_array_equal(total, estimator.score_samples(X))


def test_an_explanation_speaks_the_units_of_the_data():
    X = rows() * [1, 10, 1e3, 1e-3, 1, 1] + 7
    estimator = quick("linear", epochs=200, learning_rate=0.03).fit(X)
    explained = estimator.explain(X)
    np.testing.assert_array_equal(explained.actual, X)
    np.testing.assert_array_equal(explained.expected, estimator.reconstruct(X))
    assert (np.abs(explained.expected - X).mean(axis=0) < 0.3 * X.std(axis=0)).all()
    error = (explained.expected - X) / X.std(axis=0)
    np.testing.assert_allclose(explained.contributions, -(error**2), atol=1e-4)


@pytest.mark.parametrize("name", PRESETS)
def test_a_code_decodes_to_the_reconstruction(name):
    estimator, X = fitted(name, missing=0.2), rows(missing=0.2)
    back = estimator.inverse_transform(estimator.transform(X))
    np.testing.assert_array_equal(back, estimator.reconstruct(X))


def test_a_code_of_another_size_is_refused():
    with pytest.raises(DataError, match=r"has 3 entries\. Got 4"):
        fitted("linear").inverse_transform(np.zeros((2, 4)))


# -------------------------------------------------- what presets promise


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
def test_linear_is_as_good_as_pca(load):
    X = StandardScaler().fit_transform(load().data)
    estimator = isthmus.linear(size=5, validation=0, verbose=0)
    pca = PCA(5).fit(X)
    best = ((X - pca.inverse_transform(pca.transform(X))) ** 2).mean()
    error = ((X - estimator.fit(X).reconstruct(X)) ** 2).mean()
    assert best * (1 - 1e-6) <= error < 1.01 * best


def test_sparse_kl_is_as_active_as_it_was_told():
    X = load_breast_cancer().data
    estimator = isthmus.sparse_kl(verbose=0, epochs=30, target=0.1, weight=10).fit(X)
    active = estimator.evaluate(X)["sparsity_kl.mean_activation"].mean()
    assert active == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("k", [1, 3])
def test_k_sparse_has_k_entries(k):
    codes = quick("k_sparse", size=9, k=k).fit(rows()).transform(rows())
    assert ((codes != 0).sum(axis=1) == k).all()


def test_vector_quantized_has_few_codes():
    codes = quick("vector_quantized", codes=4).fit(rows()).transform(rows())
    assert len(np.unique(codes, axis=0)) <= 4


def test_denoising_uses_its_noise():
    quiet, loud = quick("denoising", scale=1e-6), quick("denoising", scale=3.0)
    one, two = (e.fit(rows()).history_[-1]["loss"] for e in (quiet, loud))
    assert two > one


# -------------------------------------------------- likelihoods


def test_bce_sees_numbers_between_0_and_1():
    X = rows() * 100
    estimator = quick("undercomplete", likelihood="bce").fit(X)
    rebuilt = estimator.reconstruct(X)
    assert (rebuilt >= X.min(axis=0)).all()
    assert (rebuilt <= X.max(axis=0)).all()
    seen = estimator.standardize(X)
    assert (seen.min(), seen.max()) == (0, 1)
    assert "bce" in estimator.history_[0]


def test_binary_tables_get_a_bernoulli_likelihood():
    binary = (rows() > 0).astype(float)
    assert quick("undercomplete").fit(binary).recipe_.likelihood.kind() == "bernoulli"
    assert quick("linear").fit(rows()).recipe_.likelihood.kind() == "squared_error"


def test_counts_cannot_be_negative():
    frame = pd.DataFrame({"calls": [0, 3, 2, 1], "balance": [1, 2, -1, 4]})
    estimator = isthmus.Autoencoder(likelihood="poisson", size=1, verbose=0)
    with pytest.raises(
        DataError, match="Column 'balance' must hold the numbers 0, 1, 2"
    ):
        estimator.fit(frame)


def test_an_unknown_likelihood_meets_the_nearest():
    with pytest.raises(RecipeError, match="Did you mean 'poisson'"):
        quick("undercomplete", likelihood="poison").fit(rows())


# -------------------------------------------------- anomaly detector


def test_the_detector_flags_what_is_unlike_the_rest():
    X = rows(300)
    X[:5] += 5 * np.random.default_rng(1).normal(size=(5, 6))
    inner = quick("undercomplete", size=2, epochs=30)
    for contamination in ("auto", 5 / 300):
        detector = isthmus.AnomalyDetector(
            autoencoder=inner, contamination=contamination, verbose=0
        ).fit(X)
        assert (detector.predict(X)[:5] == -1).all()
        assert (detector.predict(X)[5:] == -1).mean() < 0.05


def test_the_detector_flags_none_of_many_copies():
    X = np.repeat(rows(1), 50, axis=0)
    detector = isthmus.AnomalyDetector(autoencoder=quick("linear"), verbose=0).fit(X)
    assert (detector.predict(X) == 1).all()
    with pytest.warns(IsthmusWarning, match="Not seen in fitting"):
        assert detector.predict(X + 1)[0] == -1


def test_a_model_of_one_table_judges_another_finitely():
    for name in HARDY:
        scores = fitted(name).score_samples(base() * [1, 1e9, 1e-9, 1e100, -1e149, 0])
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("share", [-0.1, 0.6])
def test_an_impossible_contamination_is_refused(share):
    with pytest.raises(RecipeError, match=f"contamination must .* Got {share}"):
        isthmus.AnomalyDetector(contamination=share).fit(rows())
