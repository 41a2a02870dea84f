"""What p-values, thresholds and verdicts of drift promise, checked by simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

import isthmus
from isthmus.data.rows import Rows
from isthmus.detection import efforts
from isthmus.detection.thresholds import by_rate, kept_rows
from isthmus.errors import DataError, IsthmusWarning, ModelFileError, RecipeError
from isthmus.scores import conformal
from isthmus.scores.calibration import Calibration, Tails
from isthmus.scores.drift import drift

TINY = efforts.Plan(width=12, folds=3, steps=40, rounds=1)


@pytest.fixture(autouse=True, scope="module")
def _tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(efforts.PLANS, "fast", TINY)
        yield


def chance_of(seed):
    return np.random.default_rng(seed)


def rows(n, seed):
    """Three columns that follow from two numbers, nearly."""
    chance = chance_of(seed)
    plane = chance.normal(size=(n, 2)) @ np.array([[1.0, 0.5, -1], [0, 1, 2]])
    return plane + 0.2 * chance.normal(size=(n, 3))


def detector(**given):
    given = {"effort": "fast", "verbose": 0, **given}
    return isthmus.AnomalyDetector(**given)


@pytest.fixture(scope="module")
def fitted():
    return detector(fpr=0.1).fit(rows(400, 0))


# -------------------------------------------------- p-values


@pytest.mark.parametrize("n", [1, 2, 9, 50])
def test_p_values_are_as_defined(n):
    chance = chance_of(0)
    known = np.sort(chance.integers(0, 12, n) / 4)  # with ties
    asked = np.concatenate([known, chance.normal(size=30), [-99, 99]])
    expected = [(1 + sum(c <= s for c in known)) / (n + 1) for s in asked]
    np.testing.assert_allclose(conformal.p_values(asked, known), expected, rtol=1e-15)


@pytest.mark.parametrize("law", ["continuous", "with ties"])
@pytest.mark.parametrize("n", [5, 19, 100])
def test_a_normal_row_has_a_small_p_value_as_seldom_as_promised(n, law):
    chance, draws = chance_of(1), 4000
    scores = chance.normal(size=(draws, n + 1))
    if law == "with ties":
        scores = scores.round(1)
    p = [conformal.p_values(s[:1], np.sort(s[1:]))[0] for s in scores]
    for rate in (0.01, 0.05, 0.1, 0.2, 0.5):
        share = np.mean(np.array(p) <= rate)
        assert share <= rate + 3.5 * math.sqrt(rate * (1 - rate) / draws)
        exact = conformal.rank(rate, n) / (n + 1)
        if law == "continuous":
            assert share >= exact - 3.5 * math.sqrt(exact * (1 - exact) / draws)


@pytest.mark.parametrize("n", [1, 9, 19, 99, 100, 999])
@pytest.mark.parametrize("rate", [0.001, 0.01, 0.05, 0.1, 0.3, 0.5])
def test_a_score_is_below_the_threshold_where_its_p_value_is_small(n, rate):
    known = np.sort(chance_of(n).normal(size=n).round(2))
    asked = np.concatenate([known, known + 1e-9, known - 1e-9, [-99.0, 99.0]])
    small = conformal.p_values(asked, known) <= rate
    if math.isinf(conformal.threshold(known, rate)):
        assert rate < 1 / (n + 1)
        assert not small.any()
    below = asked < conformal.threshold(known, rate)
    np.testing.assert_array_equal(below, small)


@pytest.mark.parametrize("rate", [0.5, 0.1, 0.05, 0.01, 1 / 3, 0.001, 1e-6])
def test_the_least_number_of_rows_knows_the_rate_and_one_less_does_not(rate):
    n = conformal.rows_for(rate)
    assert conformal.rank(rate, n) == 1
    assert n <= 1 or conformal.rank(rate, n - 1) == 0


def test_rows_to_keep_leave_some_to_train_on():
    assert conformal.rows_to_keep(1000, 0.2, 1.0) == 200
    assert conformal.rows_to_keep(1000, 0.2, 0.001) == 500
    assert conformal.rows_to_keep(1000, 0.05, 0.01) == 99
    assert [conformal.rows_to_keep(n, 0.9, 1.0) for n in (2, 3, 4)] == [0, 1, 2]


# -------------------------------------------------- false alarms


@pytest.mark.parametrize("rate", [0.1, 0.05, 0.01])
def test_false_alarms_follow_the_beta_binomial_law(rate):
    """Calibration and test rows drawn anew, the model as it is: split conformal."""
    n, m, draws, found = 299, 400, 300, []
    for seed in range(draws):
        scores = chance_of(seed).gumbel(size=n + m)
        known = Calibration.of("given", scores[:n], scores[:n, None])
        found.append(int((scores[n:] < by_rate(rate, known)).sum()))
    k = conformal.rank(rate, n)
    assert k == math.floor(rate * (n + 1) + 1e-9)
    law = stats.betabinom(m, k, n + 1 - k)
    assert conformal.false_alarms(k, n, m).mean() == pytest.approx(m * k / (n + 1))
    spread = law.std() / math.sqrt(draws)
    assert abs(np.mean(found) - law.mean()) < 3.5 * spread
    # as uniform numbers, by a draw between the steps of the law
    steps = law.cdf(found) - chance_of(0).random(draws) * law.pmf(found)
    assert stats.kstest(steps, "uniform").pvalue > 1e-3


def test_the_share_below_the_threshold_is_beta():
    n, k, shares = 99, 5, []
    for seed in range(1000):
        known = np.sort(chance_of(seed).random(n))
        shares.append(conformal.threshold(known, 0.05))  # of uniform scores
    assert conformal.rank(0.05, n) == k
    law = conformal.false_alarm_rate(k, n)
    assert stats.kstest(shares, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.05, 0.01])
def test_rows_of_ones_own_set_the_rate(fitted, rate):
    """One training, twenty draws of 199 calibration rows and 200 others."""
    made, below, n, m = fitted, [], 199, 200
    asked = detector(fpr=rate)
    scores = made.score_samples(rows(20 * (n + m), 7)).reshape(20, n + m)
    for known in scores:
        calibration = Calibration.of("given", known[:n], known[:n, None])
        below.append((known[n:] < by_rate(asked.fpr, calibration)).sum())
    k = conformal.rank(rate, n)
    law = stats.betabinom(m, k, n + 1 - k)
    spread = law.std() / math.sqrt(20)
    assert abs(np.mean(below) - law.mean()) < 3.5 * spread


def test_calibrate_moves_the_threshold_to_the_rank_of_the_rows(fitted):
    state = fitted.to_state()
    made = isthmus.AnomalyDetector.from_state(state)
    own = rows(99, 11)
    made.calibrate(own)
    ordered = np.sort(made.score_samples(own))
    assert (made.calibration_.source, made.calibration_.rows) == ("given", 99)
    np.testing.assert_array_equal(made.calibration_.scores, ordered)
    assert made.offset_ == ordered[9]  # ten p-values of 99 rows are at most a tenth
    assert (made.predict(own) == -1).sum() == 9  # the tenth lowest is the line itself
    assert made.offset_ != fitted.offset_
    np.testing.assert_array_equal(
        made.predict(rows(300, 12)) == -1, made.p_values(rows(300, 12)) <= 0.1
    )


def test_without_fpr_calibrate_leaves_the_threshold():
    made = detector(contamination=0.1).fit(rows(60, 0))
    offset = made.offset_
    assert made.calibrate(rows(60, 1)).offset_ == offset


@pytest.mark.parametrize("rate", [0.1, 0.05])
def test_cross_conformal_rates_are_close_to_what_was_asked(fitted, rate):
    p = fitted.p_values(rows(3000, 21))
    assert fitted.calibration_.source == "cross"
    assert fitted.calibration_.rows == 400
    assert 0.4 * rate < (p <= rate).mean() < 1.9 * rate


def test_kept_rows_are_not_trained_on_and_calibrate():
    X = rows(100, 0)
    made = detector(calibration=0.3, fpr=0.1).fit(X)
    assert (made.calibration_.source, made.calibration_.rows) == ("kept", 30)
    scores = np.sort(made.score_samples(X))
    assert np.isin(made.calibration_.scores, scores).all()
    given = detector(fpr=0.1).fit(X, calibration=rows(40, 1))
    assert (given.calibration_.source, given.calibration_.rows) == ("given", 40)
    np.testing.assert_array_equal(
        given.calibration_.scores, np.sort(given.score_samples(rows(40, 1)))
    )


def test_kept_rows_leave_no_trace_in_what_is_learned():
    X, made = rows(100, 0), detector(calibration=0.3)
    kept = kept_rows(made, Rows.of(np.zeros((100, 1)), ["x"]))
    moved = X.copy()
    moved[kept] = rows(30, 5) + 1
    one, two = (clone(made).fit(rows_).score_samples(X) for rows_ in (X, moved))
    np.testing.assert_array_equal(one, two)


def test_an_unattainable_rate_warns_and_names_the_least():
    with pytest.warns(IsthmusWarning, match=r"below 0\.0164, and fpr is 0\.01") as told:
        made = detector(fpr=0.01).fit(rows(60, 0))
    assert "at least 99 normal rows" in str(told[0].message)
    assert (made.predict(rows(60, 0)) == 1).all()
    with pytest.warns(IsthmusWarning, match="No row will be flagged"):
        made.calibrate(rows(98, 1))
    made.calibrate(rows(99, 1))
    assert math.isfinite(made.offset_)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fpr": 0.1, "contamination": 0.1}, "contamination and fpr both say"),
        ({"fpr": 0.0}, "fpr must lie between 0 and 1"),
        ({"fpr": 1.0}, "fpr must lie between 0 and 1"),
        ({"contamination": 0.6}, "contamination must be"),
        ({"calibration": 1.5}, "calibration must lie between"),
        ({"effort": "hihg"}, "high"),
        ({"folds": 0}, "folds must be"),
        ({"folds": 1, "scores": {"hidden": 1.0}}, "folds must be 2 or more"),
        ({"scores": {"hiden": 1.0}}, "hidden"),
        ({"scores": {"hidden": -1.0}}, "must weigh 0 or more"),
        ({"scores": {"hidden": math.nan}}, "must weigh 0 or more"),
        ({"scores": {}}, "above 0"),
        ({"scores": {"hidden": 0.0}}, "above 0"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(given, said):
    with pytest.raises(RecipeError, match=said):
        detector(**given).fit(rows(20, 0))


# -------------------------------------------------- false discoveries


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_few_of_those_found_are_normal(rate, share):
    n, m, false, power = 999, 200, [], []
    odd = np.arange(m) < share * m
    for seed in range(400):
        chance = chance_of(seed)
        known = np.sort(chance.normal(size=n))
        scores = chance.normal(size=m) - 3.5 * odd
        found = conformal.discoveries(conformal.p_values(scores, known), rate)
        false.append((found & ~odd).sum() / max(found.sum(), 1))
        power.append(found[odd].mean() if share else 1.0)
    spread = np.std(false) / math.sqrt(400)
    assert np.mean(false) < rate * (1 - share) + 3 * spread
    assert np.mean(power) > 0.5


def test_discoveries_are_those_of_the_step_up_procedure():
    for seed in range(200):
        chance = chance_of(seed)
        p = (chance.integers(0, 40, 30) ** 2 / 1600).clip(0.001, 1)
        line = 0.1 * np.arange(1, 31) / 30
        under = np.flatnonzero(np.sort(p) <= line * (1 + 1e-12))
        most = np.sort(p)[under[-1]] if len(under) else -1.0
        np.testing.assert_array_equal(conformal.discoveries(p, 0.1), p <= most)


def test_predict_finds_planted_rows_together(fitted):
    X = rows(100, 31)
    X[:20] += [8, -8, 0]
    found = fitted.predict(X, fdr=0.1) == -1
    assert found[:20].mean() > 0.5
    assert found[20:].sum() <= 0.3 * found.sum()
    p = conformal.discoveries(fitted.p_values(X), 0.1)
    np.testing.assert_array_equal(found, p)
    with pytest.raises(RecipeError, match="fdr must lie between"):
        fitted.predict(X, fdr=1.0)


def test_a_discovery_rate_that_flags_nothing_says_why(fitted):
    X = rows(200, 33)
    with pytest.warns(IsthmusWarning, match=r"at least [\d,]+ rows would need that"):
        assert (fitted.predict(X, fdr=1e-4) == 1).all()


def test_predict_takes_a_rate_of_false_alarms_of_its_own(fitted):
    X, p = rows(100, 32), fitted.p_values(rows(100, 32))
    for rate in (0.02, 0.2):
        flagged = fitted.predict(X, fpr=rate) == -1
        np.testing.assert_array_equal(flagged, p <= rate)
    with pytest.raises(RecipeError, match="Give one"):
        fitted.predict(X, fpr=0.1, fdr=0.1)


# -------------------------------------------------- tails of cells


@pytest.mark.parametrize("n", [1, 2, 50, 500])
def test_the_tail_of_a_cell_is_never_too_small(n):
    chance = chance_of(n)
    known = chance.normal(size=(n, 3)).round(2)
    asked = np.concatenate([known, chance.normal(size=(50, 3)), [[-9.0] * 3]])
    found = Tails.of(known)(asked)
    for j in range(3):
        below = (known[:, j] <= asked[:, j, None]).sum(1)
        exact = (1 + below) / (n + 1)
        assert (found[:, j] >= exact - 1e-12).all()
        if n <= 50:
            np.testing.assert_allclose(found[:, j], exact)
        assert (found[:, j] - exact).max() < 0.05


def test_arrays_of_a_calibration_survive_and_others_are_refused():
    chance = chance_of(0)
    made = Calibration.of("cross", chance.normal(size=80), chance.normal(size=(80, 3)))
    arrays = made.arrays()
    again = Calibration.from_arrays("cross", 80, 3, arrays)
    np.testing.assert_array_equal(again.scores, made.scores)
    np.testing.assert_array_equal(again.tails.values, made.tails.values)
    np.testing.assert_array_equal(again.tails.below, made.tails.below)
    for wrong in (
        {"scores": made.scores[::-1]},
        {"scores": np.append(made.scores, np.inf)},
        {"scores": made.scores.reshape(2, -1)},
        {"scores": np.arange(80)},
        {"values": arrays["values"][:, :2]},
        {"values": arrays["values"][:4]},
        {"below": arrays["below"] - 1},
        {"below": arrays["below"] + 80},
        {"below": arrays["below"].astype(float)},
    ):
        with pytest.raises(ModelFileError):
            Calibration.from_arrays("cross", 80, 3, {**arrays, **wrong})
    with pytest.raises(ModelFileError):
        Calibration.from_arrays("crossed", 80, 3, arrays)


# -------------------------------------------------- drift


def drifted(seed, m, n, *, level=0.05, shift=(0.0, 0.0, 0.0)):
    """Contributions of three columns, whose sum is the score; a tenth is flagged."""
    chance = chance_of(seed)
    known, new = -chance.gamma(2.0, size=(n, 3)), -chance.gamma(2.0, size=(m, 3))
    new = new - np.array(shift)
    calibration = Calibration.of("given", known.sum(1), known)
    offset = conformal.threshold(calibration.scores, 0.1)
    told = {"offset": offset, "level": level}
    return drift(calibration, new.sum(1), new, ["a", "b", "c"], **told)


@pytest.mark.parametrize(("m", "n"), [(10, 400), (100, 100), (300, 1000), (40, 20)])
def test_where_nothing_changes_each_verdict_is_seldom_wrong(m, n):
    draws, level = 400, 0.05
    found = [drifted(seed, m, n, level=level) for seed in range(draws)]
    most = level + 3 * math.sqrt(level * (1 - level) / draws)
    assert np.mean([one.drifted for one in found]) < most
    assert np.mean([bool(one.drifted_columns) for one in found]) < most
    assert np.mean([not one.threshold_holds for one in found]) < most


def test_expected_alarms_are_those_that_come():
    found = [drifted(seed, 100, 199) for seed in range(400)]
    assert found[0].expected == pytest.approx(100 * 20 / 200)
    alarms = [one.alarms for one in found]
    assert np.mean(alarms) == pytest.approx(10, abs=0.5)


def test_a_shift_is_found_and_its_column_named():
    one = drifted(3, 300, 600, shift=(0.0, 1.5, 0.0), level=0.01)
    assert one.drifted
    assert one.drifted_columns == ("b",)
    assert one.columns[0].name == "b"
    assert one.columns[0].distance > 0
    assert not one.threshold_holds
    said = str(one)
    assert "lower, so the rows are odder" in said
    assert "Threshold: no longer holds" in said
    assert "b fits worse" in said


def test_rows_that_fit_better_do_not_break_the_threshold():
    one = drifted(3, 300, 600, shift=(0.0, 0.0, -1.5), level=0.01)
    assert one.drifted
    assert one.drifted_columns == ("c",)
    assert one.columns[0].distance < 0
    assert one.threshold_holds
    assert "Scores: not distributed as they were" in str(one)
    assert "c fits otherwise" in str(one)


def test_what_is_as_it_was_is_told_so():
    said = str(drifted(5, 200, 400, level=0.001))
    assert "Scores: as they were" in said
    assert "Threshold: holds" in said
    assert "none has changed" in said


def test_distances_are_those_of_kolmogorov_and_smirnov():
    chance = chance_of(0)
    known, new = chance.normal(size=(40, 2)), chance.normal(0.5, size=(70, 2))
    calibration = Calibration.of("given", known[:, 0], known)
    one = drift(calibration, new[:, 0], new, ["a", "b"], offset=-1.0, level=0.05)
    for j, name in enumerate("ab"):
        exact = stats.ks_2samp(new[:, j], known[:, j], method="asymp")
        (found,) = (c for c in one.columns if c.name == name)
        assert abs(found.distance) == pytest.approx(exact.statistic, abs=0.0251)
    exact = stats.ks_2samp(new[:, 0], known[:, 0])
    assert abs(one.scores.distance) == pytest.approx(exact.statistic)


def test_a_detector_checks_rows_for_drift(fitted):
    quiet = fitted.check_drift(rows(200, 41), level=0.001)
    assert not quiet.drifted
    assert quiet.drifted_columns == ()
    assert quiet.threshold_holds
    moved = rows(200, 42)
    moved[:, 1] += 3
    loud = fitted.check_drift(moved)
    assert loud.drifted
    assert loud.columns[0].name in loud.drifted_columns
    assert not loud.threshold_holds
    assert "x1" in loud.drifted_columns
    with pytest.raises(RecipeError, match="level must lie between"):
        fitted.check_drift(moved, level=0.0)


def test_without_calibration_rows_there_is_no_p_value():
    inner = isthmus.Autoencoder(size=1, epochs=1, hidden=(4,), validation=0.0)
    made = detector(autoencoder=inner).fit(rows(30, 0))
    assert made.calibration_ is None
    for ask in (made.p_values, made.check_drift):
        with pytest.raises(DataError, match="Call calibrate"):
            ask(rows(30, 1))
    assert made.explain(rows(30, 1)).tail is None
    assert made.calibrate(rows(30, 1)).p_values(rows(30, 2)).shape == (30,)
