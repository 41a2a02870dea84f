"""The anomaly detector of replicas, on tables of every kind and of any size."""

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import isthmus
from isthmus.detection import efforts
from isthmus.detection.thresholds import by_share
from isthmus.errors import DataError, IsthmusWarning, ModelFileError
from isthmus.estimator.state import State

pytestmark = pytest.mark.filterwarnings("ignore:Set aside")
TINY = efforts.Plan(width=12, folds=3, steps=40, rounds=2)


@pytest.fixture(autouse=True, scope="module")
def _tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(efforts.PLANS, "fast", TINY)
        yield


def detector(**given):
    return isthmus.AnomalyDetector(**{"effort": "fast", "verbose": 0, **given})


def rows(n=100, seed=0):
    """Four columns that follow from two numbers, nearly."""
    chance = np.random.default_rng(seed)
    plane = chance.normal(size=(n, 2)) @ np.array([[1.0, 0.5, -1, 2], [0, 1, 2, 1]])
    return plane + 0.2 * chance.normal(size=(n, 4))


def guests(n=240, seed=0):
    """Pay follows from the job; some cells of most columns are missing."""
    chance = np.random.default_rng(seed)
    job = chance.choice(["cook", "smith", "sailor"], n, p=[0.6, 0.3, 0.1])
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(chance.integers(0, 900, n), "D")
    frame = pd.DataFrame(
        {
            "job": pd.Series(job, dtype="string"),
            "rank": pd.Categorical(chance.choice(["low", "no", "high"], n)),
            "member": chance.random(n) < 0.3,
            "pay": np.where(job == "cook", 1.0, 3.0) + chance.normal(0, 0.1, n),
            "age": chance.normal(40, 9, n).round(),
            "rooms": chance.integers(0, 50, n).astype("int16"),
            "came": day.tz_localize("Asia/Kathmandu"),
            "same": [7] * n,
            "key": [f"k{i}" for i in range(n)],
            "void": np.nan,
        },
        index=chance.permutation(n),
    )
    for name in ("job", "rank", "pay", "age", "came"):
        frame.loc[chance.random(n) < 0.1, name] = None
    return frame


@pytest.fixture(scope="module")
def made():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsthmusWarning)
        return detector(contamination=0.1).fit(guests())


@pytest.fixture(scope="module")
def numeric():
    return detector(contamination=0.1).fit(rows())


# -------------------------------------------------- as scikit-learn has it


@pytest.mark.parametrize("given", [{}, {"contamination": 0.1}, {"fpr": 0.2}], ids=str)
def test_fit_predict_is_fit_and_predict(given):
    X = rows(40)
    together = detector(**given).fit_predict(X)
    np.testing.assert_array_equal(together, detector(**given).fit(X).predict(X))


@pytest.mark.parametrize("n", [2, 3, 10, 40])
def test_a_share_of_the_training_rows_is_flagged(n):
    X = rows(n)
    fitted = detector().fit(X)
    for share in (0.0, 0.05, 0.1, 0.25, 1 / 3, 0.5):
        fitted.contamination = share
        fitted.offset_ = fitted._offset(X)
        flagged = (fitted.predict(X) == -1).sum()
        if share * n == round(share * n):
            assert flagged == round(share * n)
        assert np.floor(share * n) <= flagged <= np.ceil(share * n)


def test_the_share_is_exact_with_any_number_of_rows():
    for n in (20, 100, 1000, 12_345, 100_000):
        scores = np.random.default_rng(n).gumbel(size=n)
        for share in (0.001, 0.01, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5):
            flagged = (scores - by_share(share, scores) < 0).sum()
            assert np.floor(share * n + 1e-9) <= flagged <= np.ceil(share * n - 1e-9)


def test_parameters_survive_and_a_clone_learns_the_same(made):
    params = {"fpr": 0.1, "folds": 2, "scores": {"hidden": 1.0}, "random_state": 3}
    one = detector(**params)
    two = clone(one)
    assert two.get_params() == one.get_params()
    assert detector().set_params(**params).get_params() == one.get_params()
    X = rows(40)
    np.testing.assert_array_equal(
        one.fit(X).score_samples(X), two.fit(X).score_samples(X)
    )
    assert clone(made).get_params() == made.get_params()
    with pytest.raises(NotFittedError):
        clone(made).predict(X)


def test_another_seed_learns_otherwise_and_chance_is_left_alone():
    X, before = rows(40), torch.get_rng_state()
    one, two = (
        detector(random_state=s).fit(X).score_samples(X).tolist() for s in (0, 1)
    )
    assert one != two
    assert torch.equal(torch.get_rng_state(), before)


# -------------------------------------------------- scores


def test_scores_do_not_depend_on_company_order_or_number(made):
    frame = guests()
    whole = made.score_samples(frame)
    assert np.isfinite(whole).all()
    order = np.random.default_rng(1).permutation(len(frame))
    np.testing.assert_array_equal(made.score_samples(frame.iloc[order]), whole[order])
    for size in (1, 7, 128, 129):
        starts = range(0, len(frame), size)
        parts = [made.score_samples(frame.iloc[i : i + size]) for i in starts]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    twice = made.score_samples(pd.concat([frame, frame.iloc[::-1]]))
    np.testing.assert_array_equal(twice, [*whole, *whole[::-1]])


def test_a_row_scores_the_same_beside_rows_with_gaps(numeric):
    X = rows()
    gaps = X.copy()
    gaps[0, 1] = np.nan
    for fitted in (numeric, detector().fit(gaps)):
        scores = fitted.score_samples(gaps)
        np.testing.assert_array_equal(scores[1:], fitted.score_samples(X)[1:])


def test_what_is_explained_sums_to_the_score(made, numeric):
    for fitted, X in ((made, guests()), (numeric, rows())):
        explained = fitted.explain(X)
        cells = np.asarray(explained.contributions, dtype=float)
        scores = fitted.score_samples(X)
        np.testing.assert_allclose(cells.sum(1) + explained.rest, scores, atol=1e-5)
        assert np.abs(explained.rest).max() < 1e-5
        tail = np.asarray(explained.tail, dtype=float)
        assert (tail > 0).all()
        assert (tail <= 1).all()


def test_a_missing_cell_contributes_nothing_and_a_row_of_them_scores_zero(made):
    frame = guests()
    explained = made.explain(frame)
    gaps = frame.isna().to_numpy()
    cells = explained.contributions.to_numpy(dtype=float)
    assert (cells[gaps] == 0).all()
    assert (cells[:, frame.columns.get_loc("pay")] != 0).sum() > 200
    void = pd.DataFrame({name: [None] * 3 for name in frame})
    assert made.score_samples(void).tolist() == [0.0] * 3
    assert (made.explain(void).contributions.to_numpy(dtype=float) == 0).all()


def test_a_score_is_in_spreads_of_rows_judged_by_those_that_left_them_out():
    """Of each entry the median of training counts 0, and the quartiles are normal."""
    X = rows(101)
    fitted = detector(scores={"hidden": 1.0}).fit(X)
    with_excess = fitted.score_samples(X)
    fitted._scorer.judge.excess = None
    scores, cells = fitted.score_samples(X), fitted.explain(X).contributions
    assert (with_excess <= scores).all()
    assert stats.iqr(scores) == pytest.approx(1.349, rel=1e-4)
    np.testing.assert_allclose(np.median(cells, axis=0), 0, atol=1e-5)


def test_the_odd_rows_have_the_lowest_scores(made):
    frame = guests(seed=1).dropna(subset=["job", "pay"])
    before = made.score_samples(frame)
    frame["pay"] = 60.0
    assert (made.score_samples(frame) < before).mean() > 0.95


def test_scores_can_be_asked_for_alone_and_weigh_as_told():
    X = rows(60)
    inner = detector(scores={"hidden": 2.0}).fit(X)
    scores = detector(scores={"hidden": 1.0}).fit(X).score_samples(X)
    np.testing.assert_allclose(inner.score_samples(X), 2 * scores, rtol=1e-5)
    for name in ("marginal", "rebuilt"):
        found = detector(scores={name: 1.0}).fit(X)
        assert np.isfinite(found.score_samples(X)).all()
        assert found.explain(X).contributions.shape == X.shape


# -------------------------------------------------- tables of every kind


@pytest.mark.parametrize("n", [2, 3, 4, 5, 9])
def test_a_few_rows_are_enough(n):
    for X in (rows(n), guests(240).iloc[:n]):
        fitted = detector().fit(X)
        assert np.isfinite(fitted.score_samples(X)).all()
        assert (fitted.predict(X) == -1).sum() >= 1
        assert np.asarray(fitted.explain(X).contributions).shape == X.shape


def test_one_row_is_too_few():
    with pytest.raises(DataError, match="minimum of 2"):
        detector().fit(rows(1))


def test_duplicates_score_alike_and_copies_of_one_row_are_no_outliers():
    X = np.concatenate([rows(30)] * 3)
    scores = detector().fit(X).score_samples(X)
    np.testing.assert_array_equal(scores[:30], scores[30:60])
    same = np.repeat(rows(1), 50, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsthmusWarning)
        fitted = detector().fit(same)
        assert (fitted.predict(same) == 1).all()
        other = fitted.predict(same[:1] + 100)
    assert other.tolist() == [-1]


def test_constant_and_empty_columns_say_nothing():
    X = np.column_stack([rows(50), np.full(50, 3.0), np.full(50, np.nan)])
    fitted = detector().fit(X)
    cells = fitted.explain(X).contributions
    assert np.isfinite(cells).all()
    assert (cells[:, 5] == 0).all()
    X[0, 4] = 4.0
    with pytest.warns(IsthmusWarning, match="Not seen in fitting: 'x4'"):
        assert fitted.explain(X).contributions[0].argmin() == 4


def test_one_column_is_enough():
    X = rows(60)[:, :1]
    fitted = detector(contamination=0.1).fit(X)
    assert (fitted.predict(X) == -1).sum() == 6
    assert fitted.predict(X.max(keepdims=True) * 100).tolist() == [-1]


def test_a_cell_as_large_as_may_be_is_odd_and_harmless(numeric):
    X = rows(60)
    far = X.copy()
    far[0, 1] = 1e30
    assert numeric.predict(far)[0] == -1
    assert np.isfinite(numeric.score_samples(far)).all()
    assert numeric.explain(far).contributions[0].argmin() == 1
    fitted = detector().fit(far)
    assert np.isfinite(fitted.score_samples(far)).all()
    assert fitted.predict(far)[0] == -1
    assert fitted.score_samples(X)[1:].std() > 0.1  # the others still differ


def test_infinity_is_refused_by_the_name_of_its_column(numeric, made):
    X = rows(20)
    X[3, 2] = np.inf
    for ask in (numeric.score_samples, detector().fit):
        with pytest.raises(DataError, match="'x2' holds inf in row 3"):
            ask(X)
    frame = guests().astype({"pay": float})
    frame.iloc[5, 3] = -np.inf
    with pytest.raises(DataError, match="'pay' holds -inf in row 5"):
        made.predict(frame)


def test_columns_that_do_not_agree_are_named(made):
    with pytest.raises(DataError, match="wages"):
        made.predict(guests().assign(wages=1.0))
    with pytest.raises(DataError, match="'pay'"):
        made.predict(guests().drop(columns="pay"))
    with pytest.raises(ValueError, match="3 features"):
        detector().fit(rows()).predict(rows()[:, :3])


def test_mends_are_what_the_score_gains_if_a_cell_is_as_expected():
    """Scored a second time by hand, by the replica of the row as it was."""
    X = rows()
    fitted = detector(folds=2).fit(X)
    odd = X[:5].copy()
    odd[:, 1] += 9
    told = fitted.explain(odd)
    lowest = told.contributions.argsort(axis=1).argsort(axis=1) < 3
    tried = lowest & (told.contributions < 0)
    np.testing.assert_array_equal(np.isnan(told.mends), ~tried)
    judge, batch = fitted._scorer.judge, fitted._scorer.opened(odd).data
    folds = judge.folds(batch)
    for j in np.flatnonzero(~np.isnan(told.mends[0])):
        right = odd[:1].copy()
        right[0, j] = told.expected[0, j]
        score = -judge.rows(fitted._scorer.opened(right).data, folds[:1]).item()
        gain = score - fitted.score_samples(odd[:1])[0]
        assert told.mends[0, j] == pytest.approx(gain, abs=1e-3)
    assert all(row[0].column == "x1" for row in told.top(1))


def test_rows_that_are_said_to_be_clean_are_all_learned():
    """A rare kind of row is learned, and not left out as far off."""
    X = rows()
    X[:9] += 4
    usual, clean = (detector(contamination=c).fit(X) for c in ("auto", 0))
    assert usual.autoencoder_.training.cutoff == efforts.CUTOFF
    assert clean.autoencoder_.training.cutoff is None
    assert (usual.score_samples(X) != clean.score_samples(X)).any()


def test_unseen_levels_are_odd_and_told(made):
    frame = guests()
    seen = frame["job"].notna()
    with pytest.warns(IsthmusWarning, match="Not seen in fitting: 'job'"):
        scores = made.score_samples(frame.assign(job="astronaut"))
    assert (scores < made.score_samples(frame))[seen].mean() > 0.9


def test_a_text_column_of_a_hundred_thousand_levels_is_set_aside_or_handled():
    n = 100_000
    frame = pd.DataFrame({"a": [f"t{i}" for i in range(n)], "b": np.arange(n) % 7})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(efforts.PLANS, "fast", TINY._replace(steps=3, rounds=1))
        fitted = detector().fit(frame)
        assert np.isfinite(fitted.score_samples(frame.iloc[:100])).all()
        part = frame.iloc[:3000]
        kept = detector(columns={"a": "category"}).fit(part)
        assert np.isfinite(kept.score_samples(part)).all()


def test_rows_in_a_frame_of_polars_have_the_scores_of_those_of_pandas():
    frame = guests().reset_index(drop=True)
    frame = frame.drop(columns=["came", "rank"])
    one = detector().fit(frame)
    other = pl.from_pandas(frame)
    np.testing.assert_allclose(
        one.score_samples(other), one.score_samples(frame), rtol=1e-12
    )
    assert isinstance(one.explain(other).contributions, pl.DataFrame)


# -------------------------------------------------- files


@pytest.fixture(scope="module")
def saved(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "a.isthmus"
    isthmus.save(made, path)
    return path


def test_a_loaded_detector_answers_bit_by_bit(made, saved, tmp_path):
    loaded, frame = isthmus.load(saved), guests(seed=3)
    assert loaded.get_params() == made.get_params()
    assert (loaded.offset_, loaded.folds_) == (made.offset_, made.folds_)
    assert loaded.calibration_.source == made.calibration_.source
    for name in ("score_samples", "p_values", "predict"):
        np.testing.assert_array_equal(
            getattr(loaded, name)(frame), getattr(made, name)(frame)
        )
    for one, two in zip(loaded.explain(frame), made.explain(frame), strict=True):
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, two)
        else:
            np.testing.assert_array_equal(one, two)
    assert str(loaded.check_drift(frame)) == str(made.check_drift(frame))
    isthmus.save(loaded, tmp_path / "again.isthmus")
    assert (tmp_path / "again.isthmus").read_bytes() == saved.read_bytes()
    scores = loaded.fit(frame).score_samples(frame)  # it can be fitted anew
    np.testing.assert_array_equal(scores, clone(made).fit(frame).score_samples(frame))


def wrong_shapes(tensor):
    """Other shapes of the same numbers, or of fewer."""
    yield tensor.unsqueeze(0)
    if tensor.dim():
        yield tensor[:1]
        yield tensor[:-1]
        yield torch.cat([tensor, tensor[:1]])
        yield tensor.flatten()[0]
    if tensor.dim() > 1:
        yield tensor.T.contiguous()
        yield tensor[:, :1]
        yield tensor.flatten()


OFTEN = ("replica.2", "head.0.1", "head.0.2", "head.1.0", "head.1.2", "yardstick.0")


def pieces(state):
    """One of each kind of tensor, and of a network a few."""
    for name, tensor in state.tensors.items():
        if not name.startswith(OFTEN) and ".layers.1." not in name:
            yield name, tensor


def test_tensors_of_a_wrong_shape_are_refused(made):
    state = made.to_state()
    for name, tensor in pieces(state):
        for wrong in wrong_shapes(tensor):
            if wrong.shape == tensor.shape or is_fitting(name, wrong, tensor):
                continue
            damaged = State(copy.deepcopy(state.plain), {**state.tensors, name: wrong})
            with pytest.raises(ModelFileError):
                isthmus.AnomalyDetector.from_state(damaged)


def is_fitting(name, wrong, tensor):
    """Scores of calibration may be as many as they like."""
    return name == "calibration.scores" and wrong.dim() == tensor.dim()


def test_tensors_that_are_missing_strange_or_not_finite_are_refused(made):
    state = made.to_state()
    for name, tensor in pieces(state):
        others = {n: t for n, t in state.tensors.items() if n != name}
        wrong = [tensor.to(torch.complex64)]
        if tensor.is_floating_point():
            wrong.append(tensor * torch.nan)
        damaged = [{**others, name: value} for value in wrong]
        damaged += [others, {**others, name: tensor, f"{name}x": tensor}]
        for tensors in damaged:
            with pytest.raises(ModelFileError):
                isthmus.AnomalyDetector.from_state(State(state.plain, tensors))


# -------------------------------------------------- the smallest change


def entries(fitted, X):
    return fitted._scorer.opened(X).data


def judged(fitted, batch, folds):
    return -fitted._scorer.judge.rows(batch, folds).numpy()


@pytest.fixture(scope="module", params=["mixed", "numbers", "own model"])
def changed(request, made, numeric):
    """A detector, rows of which many are odd, and their smallest changes."""
    chance = np.random.default_rng(0)
    if request.param == "mixed":
        fitted, X = made, guests(seed=1)
        X.loc[chance.random(len(X)) < 0.3, "pay"] = 9.0
        X.loc[chance.random(len(X)) < 0.3, "age"] = 150.0
        X.loc[chance.random(len(X)) < 0.3, "rooms"] = 300
        X["member"] = ~X["member"]
    else:
        X = rows(seed=1) + 6 * (chance.random((100, 4)) < 0.2)
        fitted = numeric
        if request.param == "own model":
            inner = isthmus.Autoencoder(size=2, hidden=(8,), epochs=5)
            fitted = detector(autoencoder=inner, contamination=0.1).fit(rows())
    fitted = copy.copy(fitted)
    scores = fitted.score_samples(X)
    fitted.offset_ = float(np.quantile(scores, 0.7))  # many changes are needed
    return fitted, X, fitted.smallest_change(X)


def test_changed_rows_are_normal_where_it_is_said(changed):
    fitted, X, found = changed
    folds = fitted._scorer.judge.folds(entries(fitted, X))
    scores = judged(fitted, entries(fitted, found.table), folds)
    np.testing.assert_array_equal(scores >= fitted.offset_, found.normal)
    before = fitted.score_samples(X) >= fitted.offset_
    assert found.normal[before].all()
    assert found.normal.mean() > before.mean() + 0.1


def test_normal_rows_are_left_alone_and_odd_ones_are_not(changed):
    fitted, X, found = changed
    normal = fitted.score_samples(X) >= fitted.offset_
    count = np.asarray(found.changed).sum(1)
    assert (count[normal] == 0).all()
    assert (count[~normal] > 0).all()
    assert count.max() <= 8


def test_no_change_can_be_taken_back(changed):
    fitted, X, found = changed
    before, after = entries(fitted, X), entries(fitted, found.table)
    folds, marks = fitted._scorer.judge.folds(before), np.asarray(found.changed)
    places = fitted.autoencoder_._converter.places
    for j, name in enumerate(fitted.autoencoder_._converter.names):
        at = np.flatnonzero(marks[:, j] & found.normal)
        if not len(at):
            continue
        index = torch.from_numpy(at)
        one = after.rows(index)
        one.x[:, places[name]] = before.x[index][:, places[name]]
        if one.visible is not None and before.visible is not None:
            one.visible[:, places[name]] = before.visible[index][:, places[name]]
        assert (judged(fitted, one, folds[at]) < fitted.offset_).all()


def test_cells_that_are_not_changed_stay_bit_by_bit(changed):
    _, X, found = changed
    marks = np.asarray(found.changed)
    if not isinstance(X, pd.DataFrame):
        np.testing.assert_array_equal(found.table[~marks], X[~marks])
        assert (found.table[marks] != X[marks]).all()
        return
    assert found.table.dtypes.equals(X.dtypes)
    assert found.table.index.equals(X.index)
    assert found.changed.index.equals(X.index)
    assert list(found.table) == list(X)
    for j, name in enumerate(X):
        same = found.table[name][~marks[:, j]]
        pd.testing.assert_series_equal(same, X[name][~marks[:, j]])
        assert (found.table[name] != X[name])[marks[:, j]].all()
    assert marks.sum(0)[list(X).index("pay")] > 0


def test_missing_cells_are_never_filled(changed):
    """A missing cell contributes nothing, so that no change begins with it."""
    _, X, found = changed
    if isinstance(X, pd.DataFrame):
        assert not (np.asarray(found.changed) & X.isna().to_numpy()).any()


def test_so_many_cells_are_changed_at_most(changed):
    fitted, X, _ = changed
    found = fitted.smallest_change(X, most=1)
    assert np.asarray(found.changed).sum(1).max() == 1
