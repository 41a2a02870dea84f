"""What data of every kind keep."""

import numpy as np
import pandas as pd
import pytest
from kinds import CASES, QUICK, WORDS, numbers
from sklearn.base import clone
from small import PRESETS

import isthmus
from isthmus import registry
from isthmus.errors import DataError, RecipeError

SERIES = [case for case in CASES if "series" in case]
SERIES += ["an array", "a panel", "sensors"]
"""A row of these is judged by the rows around it."""
each_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture(scope="module")
def fitted():
    return {
        name: isthmus.Autoencoder(kind=kind, **QUICK).fit(X)
        for name, (X, kind) in CASES.items()
    }


@each_case
def test_the_same_seed_gives_the_same_bits(case, fitted):
    X, kind = CASES[case]
    again = isthmus.Autoencoder(kind=kind, **QUICK).fit(X)
    assert np.array_equal(again.score_samples(X), fitted[case].score_samples(X))


@each_case
def test_a_saved_model_answers_the_same(case, fitted, tmp_path):
    X, model = CASES[case][0], fitted[case]
    isthmus.save(model, tmp_path / "m.isthmus")
    loaded = isthmus.load(tmp_path / "m.isthmus")
    assert loaded.get_params()["kind"] == model.kind
    assert np.array_equal(loaded.score_samples(X), model.score_samples(X))
    assert np.array_equal(loaded.transform(X), model.transform(X))
    assert np.array_equal(numbers(loaded.reconstruct(X)), numbers(model.reconstruct(X)))


@each_case
def test_answers_come_in_the_form_of_the_question(case, fitted):
    X, rebuilt = CASES[case][0], fitted[case].reconstruct(CASES[case][0])
    if case == "sparse counts":  # what is expected is nowhere 0
        assert rebuilt.shape == X.shape
        return
    assert type(rebuilt) is type(X)
    if isinstance(X, pd.DataFrame):
        words = case == "texts"
        assert list(rebuilt.columns) == (sorted(WORDS) if words else list(X.columns))
        assert rebuilt.index.equals(X.index)
        return
    assert [np.shape(part) for part in rebuilt] == [np.shape(part) for part in X]
    assert np.asarray(rebuilt[0]).dtype == np.asarray(X[0]).dtype
    assert np.isfinite(numbers(rebuilt)).all()


@each_case
def test_contributions_add_up_to_scores(case, fitted):
    X, model = CASES[case][0], fitted[case]
    told, scores = model.explain(X), model.score_samples(X)
    parts = told.contributions
    if isinstance(parts, pd.DataFrame):
        sums = parts.to_numpy().sum(axis=1)
    elif case in SERIES and case != "an array":
        sums = parts.sum(axis=1)
    else:
        sums = np.array([np.sum(part, dtype=np.float64) for part in parts])
    np.testing.assert_allclose(sums + told.rest, scores, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", [c for c in CASES if c not in SERIES])
def test_the_score_of_a_row_depends_on_it_alone(case, fitted):
    X, model = CASES[case][0], fitted[case]
    scores = model.score_samples(X)
    order = np.random.default_rng(0).permutation(len(scores))
    assert np.array_equal(model.score_samples(picked(X, order)), scores[order])
    assert np.array_equal(model.score_samples(picked(X, [3, 4])), scores[3:5])


def picked(X, places):
    """Rows at these places."""
    if isinstance(X, list):
        return [X[i] for i in places]
    return X.iloc[places] if isinstance(X, pd.DataFrame) else X[places]


@each_case
def test_a_clone_is_unfitted_and_alike(case):
    made = clone(isthmus.Autoencoder(kind=CASES[case][1], **QUICK))
    assert made.kind == CASES[case][1]
    assert not hasattr(made, "module_")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("case", ["digits", "an array", "texts", "counts", "sound"])
def test_every_kind_of_autoencoder_takes_every_kind_of_data(preset, case):
    X, kind = CASES[case]
    more = {"k": 2} if preset == "k_sparse" else {}
    made = registry.preset(preset)(kind=kind, **QUICK, **more)
    if preset == "contractive" and case in {"texts", "counts"}:
        with pytest.raises(RecipeError, match="vary continuously"):
            made.fit(X)
        return
    made.fit(X)
    assert np.isfinite(made.score_samples(X)).all()
    rebuilt = made.reconstruct(X)
    assert np.isfinite(numbers(rebuilt)).all()
    assert len(rebuilt) == len(X)


# ------------------------------------------------------------------------ in pieces


@pytest.mark.parametrize("source", ["csv", "parquet", "frames", "array"])
def test_counts_are_taken_in_pieces(source, fitted, tmp_path):
    X = CASES["counts"][0]
    X.to_csv(tmp_path / "counts.csv", index=False)
    X.to_parquet(tmp_path / "counts.parquet")
    given = {
        "csv": str(tmp_path / "counts.csv"),
        "parquet": isthmus.stream(tmp_path / "counts.parquet", piece=30),
        "frames": isthmus.stream(lambda: iter([X[:50], X[50:]])),
        "array": isthmus.stream(X.to_numpy(), piece=30),
    }[source]
    model = isthmus.Autoencoder(kind="counts", **QUICK).fit(given)
    assert np.array_equal(model.score_samples(X), fitted["counts"].score_samples(X))


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (lambda X: [X[:50], X[50:].rename(columns={"a": "z"})], "the same columns"),
        (lambda _: [], "no rows"),
        (lambda X: [X[:1]], "two rows or more"),
    ],
)
def test_pieces_of_counts_must_be_alike(pieces, said):
    given = isthmus.stream(lambda: iter(pieces(CASES["counts"][0])))
    with pytest.raises(DataError, match=said):
        isthmus.Autoencoder(kind="counts", **QUICK).fit(given)


def test_a_file_of_texts_is_known_by_its_looks(tmp_path):
    X = CASES["texts"][0]
    X.to_csv(path := tmp_path / "reviews.csv", index=False)
    said = isthmus.Autoencoder(kind=isthmus.Text(), **QUICK).fit(X)
    guessed = isthmus.Autoencoder(**QUICK).fit(str(path))
    assert guessed.feature_names_in_.tolist() == ["review"]
    assert np.array_equal(guessed.score_samples(X), said.score_samples(X))


@pytest.mark.parametrize("case", ["texts", "a list of texts"])
def test_reasons_name_words(case, fitted):
    X, model = CASES["texts"][0], fitted["texts"]
    given = X if case == "texts" else X["review"].tolist()
    reasons = model.explain(given).top(1)
    assert {reason.column for row in reasons for reason in row} <= set(WORDS)
