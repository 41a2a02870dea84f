"""A search finds what is there to be found, and does not take luck for merit."""

import numpy as np
import pandas as pd
import pytest
from engines import ON_RAY
from sklearn.metrics import roc_auc_score

import isthmus
import isthmus.architectures.mlp
from isthmus.errors import DataError, RecipeError
from isthmus.estimator.reading import read_rows
from isthmus.tuning.answers import beaten
from isthmus.tuning.cells import Cells
from isthmus.tuning.finals import chosen
from isthmus.tuning.folds import fitted, splits_of
from isthmus.tuning.objectives import HiddenCells
from isthmus.tuning.problem import problem_of
from isthmus.tuning.result import Final
from isthmus.tuning.space import checked, merged, read, starts, to_toml, usual, without
from isthmus.tuning.study import _shape

pytest.importorskip("optuna")

QUICK = {"epochs": 2, "hidden": [16], "batch_size": 32}


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(120, 2))
    numbers = z @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(120, 5))
    frame = pd.DataFrame(numbers, columns=list("abcde"))
    frame["sign"] = np.where(z[:, 0] > 0, "plus", "minus")
    frame.loc[3, "b"] = np.nan
    return frame


def cells_of(table):
    base = isthmus.Autoencoder(verbose=0)
    return Cells(read_rows(base, table, reset=True).rows, base)


def test_guessing_costs_one(table):
    cells = cells_of(table)
    errors = cells.errors(slice(None), np.zeros_like(cells.x))
    means = (errors * cells.seen).sum(0) / cells.seen.sum(0)
    assert means == pytest.approx(1, abs=0.02)  # costs are capped
    assert not cells.seen[3, cells.names.index("b")]


def test_a_category_costs_its_brier_score(table):
    cells = cells_of(table)
    place = cells.table.places["sign"]
    share = (table["sign"] == cells.table.parts[-1].levels[0]).mean()
    sure = np.zeros_like(cells.x)
    hot = np.broadcast_to([0.9, 0.1], (len(table), 2))
    sure[:, place] = (hot - cells.mean[place]) / cells.scale[place]
    found = cells.errors(slice(None), sure)[:, cells.names.index("sign")]
    right = table["sign"] == cells.table.parts[-1].levels[0]
    brier = np.where(right, 2 * 0.1**2, 2 * 0.9**2) / (2 * share * (1 - share))
    assert found == pytest.approx(np.minimum(brier, 9))


@pytest.mark.parametrize("likelihood", [None, "mse"])
def test_answers_of_any_converter_are_brought_to_the_same_cells(table, likelihood):
    model = isthmus.Autoencoder(verbose=0, epochs=1, likelihood=likelihood)
    model.set_params(scaling="standard")
    batch = model.prepared(table)
    entries = batch.x.numpy()
    if likelihood is None:  # probabilities of the levels, and all of it for one
        hot = np.eye(3)[entries[:, -1].astype(int)][:, 1:]
        entries = np.concatenate([entries[:, :-1], hot], axis=1).astype(np.float32)
    cells = cells_of(table)
    brought = cells.brought(model._converter, entries)
    errors = cells.errors(slice(None), brought)
    assert errors[cells.seen] == pytest.approx(0, abs=1e-9)


def test_probabilities_of_categories_sum_to_one(table):
    model = isthmus.Autoencoder(verbose=0, epochs=1).fit(table)
    module = model.module_
    params = module.decode(module.encode(model.prepared(table)))
    chances = module.likelihood.expected_view(params)[:, -2:]
    assert chances.sum(1).detach().numpy() == pytest.approx(1, abs=1e-6)
    choice = module.likelihood.mean(params)[:, -1] - 1
    assert (chances.argmax(1) == choice).all()


def test_every_cell_is_hidden_once_and_hidden_ones_make_no_difference(table):
    cells = cells_of(table)
    objective = HiddenCells(cells, 0)
    count = [np.unique(part, return_counts=True)[1] for part in objective.part]
    assert {tuple(c) for c in count} == {(2, 1, 1, 1, 1)}
    split = splits_of(len(table), 1, 0)[0]
    before = objective.pca(2, split)
    cells.x[split[1][0], 0] += 100.0  # capped, and seen by the other parts alone
    after = objective.pca(2, split)
    assert (before[1:] == after[1:]).all()


def test_pca_answers_as_a_gaussian_does(table):
    cells = cells_of(table)
    objective, split = HiddenCells(cells, 0), splits_of(len(table), 1, 0)[0]
    from sklearn.decomposition import PCA

    x = cells.x[split[0]]
    fitted = PCA(2).fit(x)
    cov, mean = fitted.get_covariance(), fitted.mean_
    row = split[1][0]
    errors = np.zeros(len(cells.names))
    for part in range(5):
        names = [n for j, n in enumerate(cells.names) if objective.part[row, j] == part]
        hidden = np.zeros(x.shape[1], dtype=bool)
        for name in names:
            hidden[cells.table.places[name]] = True
        seen = ~hidden
        gain = cov[np.ix_(hidden, seen)] @ np.linalg.inv(cov[np.ix_(seen, seen)])
        guess = cells.x[row].copy()
        guess[hidden] = mean[hidden] + gain @ (cells.x[row] - mean)[seen]
        found = cells.errors([row], guess[None])[0]
        for name in names:
            errors[cells.names.index(name)] = found[cells.names.index(name)]
    assert objective.pca(2, split)[0] == pytest.approx(errors.mean(), rel=1e-3)


def test_finals_are_trained_as_fit_trains(table):
    model = isthmus.Autoencoder(epochs=3, verbose=0)
    read, every = read_rows(model, table, reset=True), np.arange(len(table))
    (module,) = fitted(model, read, [(every, every)])
    own = isthmus.Autoencoder(epochs=3, verbose=0).fit(table).module_
    for name, value in own.state_dict().items():
        assert np.array_equal(module.state_dict()[name], value)


def test_the_same_seed_finds_the_same(table):
    how = {"fixed": QUICK, "trials": 3, "folds": 2, "verbose": 0}
    one, two = isthmus.tune(table, **how), isthmus.tune(table, **how)
    assert one.finals == two.finals
    assert one.table.num_rows == 3
    assert one.recipe["training"]["epochs"] == 2
    assert one.estimator.fit(table).transform(table).shape[0] == len(table)


@pytest.mark.parametrize(
    ("preset", "optimizer", "stacked"),
    [
        ("masked", "adam", True),
        ("masked", "adamw", True),
        ("masked", "rprop", False),  # whose steps do not grow with the rate
        ("variational", "adam", False),  # whose codes are drawn
    ],
)
def test_trials_of_one_shape_learn_what_each_learns_alone(
    table, preset, optimizer, stacked
):
    base = {"hidden": [16], "preset": preset, "epochs": 30}
    base["training"] = {"batch_size": 16, "optimizer": optimizer}
    masks = [{"kind": "masking", "judge": "hidden", "rate": r} for r in (0.2, 0.5)]
    recipes = [
        [{**base, "learning_rate": rate}, {"corruption": mask}]
        for rate, mask in zip((1e-3, 8e-3), masks, strict=True)
    ]
    problem = problem_of(table, None, {}, folds=2, rows=200, random_state=0)
    heard = []
    both = problem.judge_together(recipes, lambda *told: heard.append(told), 0.5)
    alone = [
        problem.judge_together([recipe], lambda *_: None, 0.5)[0] for recipe in recipes
    ]
    turns = [k for k, _, _ in heard]
    assert turns == ([0, 1] * 5 if stacked else [0] * 5 + [1] * 5)
    for one, other in zip(both, alone, strict=True):
        assert one.error == pytest.approx(other.error, rel=1e-3)
    assert both[0].error != both[1].error


def test_trials_are_asked_for_in_pairs_of_one_shape(table):
    found = isthmus.tune(table, fixed={"epochs": 2}, trials=6, folds=2, verbose=0)
    rows = found.table.to_pylist()
    assert len(rows) == 6
    shape = [(r["preset"], r["size"], r["hidden"], r["batch_size"]) for r in rows]
    assert shape[2:5:2] == shape[3:6:2]
    assert rows[2]["learning_rate"] != rows[3]["learning_rate"]


def test_trials_of_other_questions_are_not_of_one_shape():
    def shape(**said):
        return _shape([{"corruption": {"kind": "masking", **said}}])

    assert shape(rate=0.2) == shape(rate=[0.1, 0.5])
    assert shape(judge="all") != shape(judge="hidden")


def test_principal_components_can_be_the_answer():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 12))
    y = x @ rng.normal(size=12)
    found = isthmus.tune(x, y, fixed={"epochs": 30}, trials=1, verbose=0)
    assert "linear" in [final.name for final in found.finals]
    assert found.best.name == "linear"
    assert found.recipe["architecture"]["hidden"] == []
    assert found.estimator.fit(x).transform(x).shape == (200, found.best.size)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"space": {"sizee": [1]}}, "Did you mean 'size'"),
        ({"space": {"terms.l9.weight": [1.0]}}, "no part or parameter to choose"),
        ({"trials": 0}, "trials must be a whole number of 1"),
        ({"seconds": -1.0}, "seconds must be above 0"),
        ({"folds": 0}, "folds must be a whole number of 1"),
    ],
)
def test_what_cannot_be_asked_of_a_search_is_refused(table, asked, said):
    with pytest.raises(RecipeError, match=said):
        isthmus.tune(table, verbose=0, **asked)


def test_a_search_goes_on_from_its_storage(table, tmp_path):
    how = {"fixed": QUICK, "folds": 2, "verbose": 0, "storage": str(tmp_path / "j")}
    assert isthmus.tune(table, trials=2, **how).table.num_rows == 2
    found = isthmus.tune(table, trials=3, **how)
    assert found.table["trial"].to_pylist() == [0, 1, 2]


def test_labels_ask_for_a_linear_model_on_the_codes(table):
    found = isthmus.tune(
        table.drop(columns="sign"), table["sign"], fixed=QUICK, trials=2, verbose=0
    )
    assert found.measure == "wrong labels of a linear model on the codes, as a share"
    numbers = isthmus.tune(
        table[["a", "b", "c"]], table["d"], fixed=QUICK, trials=1, verbose=0
    )
    assert numbers.measure.startswith("squared error of a linear model")
    many = isthmus.tune(table[["a", "b"]], range(120), fixed=QUICK, trials=1, verbose=0)
    assert many.measure == numbers.measure


def with_faults(rows=200):
    """Columns that follow from one, and rows where they do not."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(rows, 1))
    x = np.concatenate([z, z**2, np.sin(2 * z), -z], axis=1)
    x += 0.05 * rng.normal(size=x.shape)
    faulty = np.arange(rows) % 10 == 0
    x[faulty] = rng.permuted(x[faulty], axis=0)
    return x, np.where(faulty, "yes", "no")


def test_a_detector_is_judged_by_what_it_finds():
    x, faulty = with_faults()
    fixed = {"task": "anomaly", "effort": "fast", "epochs": 20}
    found = isthmus.tune(x, faulty, fixed=fixed, trials=2, folds=2, verbose=0)
    assert found.measure == "normal rows odder than an anomaly (yes), as a share"
    assert type(found.estimator) is isthmus.AnomalyDetector
    assert found.recipe["effort"] == "fast"
    assert found.best.error < 0.25
    assert found.pca[-1][:2] == (4, 0.5)  # all components leave nothing
    assert set(found.estimator.set_params(verbose=0).fit(x).predict(x)) == {-1, 1}
    assert np.isfinite(found.default.standard_error)


def test_shares_of_odder_rows_are_the_area_above_the_curve():
    rng = np.random.default_rng(0)
    odd, scores = rng.random(300) < 0.2, rng.integers(0, 20, 300).astype(float)
    shares = beaten(scores, odd)
    assert (np.isnan(shares) == ~odd).all()
    assert np.nanmean(shares) == pytest.approx(1 - roc_auc_score(odd, scores))
    one = np.flatnonzero(odd)[0]
    normal = scores[~odd]
    by_hand = (normal > scores[one]).mean() + (normal == scores[one]).mean() / 2
    assert shares[one] == pytest.approx(by_hand)


def test_an_estimator_is_judged_by_the_labels_it_tells(table):
    x, y = table.drop(columns="sign"), table["sign"].to_numpy(dtype=object)
    y[::4] = None
    quick = {"epochs": 3, "steps": 20, "hidden": [16]}
    how = {"trials": 1, "folds": 2, "verbose": 0}
    fixed = {"task": "classifier", **quick}
    found = isthmus.tune(x, y, fixed=fixed, **how)
    assert found.measure == "wrong labels, as a share"
    assert type(found.estimator) is isthmus.PretrainedClassifier
    problem = problem_of(x, y, fixed, folds=2, rows=200, random_state=0)
    train, test = problem.splits[0]
    fitted = problem.model([fixed]).fit(x.iloc[train], y[train])
    known = [k for k in test if y[k] is not None]
    wrong = np.mean(fitted.predict(x.iloc[known]) != y[known])
    errors = problem.judge([fixed], problem.splits).errors[0]
    assert np.nanmean(errors) == pytest.approx(wrong)
    assert np.isnan(errors).sum() == len(test) - len(known)
    fixed = {"task": "regressor", **quick}
    found = isthmus.tune(x[["a", "b", "c"]], x["d"], fixed=fixed, **how)
    assert found.measure == "squared error of labels, in variances"
    assert type(found.estimator) is isthmus.PretrainedRegressor
    assert found.best.error < 1


def final(name, error, spread=0.0):
    errors = error + spread * np.random.default_rng(0).normal(size=100)
    return Final(name, 1, error, 0.1, 0.0, 0.0, 1.0, [{}], [errors])


def test_what_is_plainer_stays_unless_it_is_clearly_worse():
    default = final("default", 0.5)
    assert chosen([default, final("trial 1", 0.49, 0.2)]) is default
    better, preset = final("trial 2", 0.4, 0.2), final("masked", 0.405)
    assert chosen([default, final("trial 1", 0.6), better]) is better
    assert chosen([default, better, preset]) is preset
    assert chosen([default, final("trial 3", 0.3, 0.2), preset]).name == "trial 3"


def test_a_space_is_asked_less_what_is_fixed_and_read_back(tmp_path):
    space = usual(1000, 20, hidden=False)
    less = without(space, {"size": 4, "bottleneck": {"kind": "dense"}})
    assert "size" not in less
    assert without(space, merged({"terms": {"l1": {"weight": 1.0}}})).keys() == (
        space.keys() - {"terms.l1.weight"}
    )
    masked = usual(1000, 20, hidden=True)
    assert "corruption" not in without(masked, {"corruption": {"kind": "masking"}})
    file = tmp_path / "space.toml"
    for one in (space, masked):
        file.write_text(to_toml(one))
        assert read(file) == one
    for start in starts(space):
        assert set(start) <= set(space)


@pytest.mark.parametrize("said", [[], 3, {"low": 1}, {"low": 2, "high": 1}])
def test_a_space_that_is_none_is_refused(said):
    with pytest.raises(RecipeError, match="must be a list of choices, or a range"):
        checked({"size": said})


def test_what_cannot_be_searched_is_refused(table):
    with pytest.raises(DataError, match="20 rows or more"):
        isthmus.tune(table.head(10))
    with pytest.raises(DataError, match="a label for each row"):
        isthmus.tune(table, [1, 2])
    with pytest.raises(DataError, match="have no label"):
        isthmus.tune(table, table["b"])
    with pytest.raises(RecipeError, match="recipe of an autoencoder"):
        isthmus.tune(table, fixed={"task": "anomaly"})
    with pytest.raises(DataError, match="two kinds of labels"):
        isthmus.tune(table, np.arange(120) % 3, fixed={"task": "anomaly"})
    with pytest.raises(RecipeError, match="Leave sampler out"):
        isthmus.tune(table, fixed={"task": "sampler"})
    with pytest.raises(RecipeError, match="task is not searched"):
        isthmus.tune(table, space={"task": ["anomaly"]})
    with pytest.raises(RecipeError, match="Leave the task out"):
        isthmus.compare(table, table["sign"], fixed={"task": "classifier"})
    with pytest.raises(DataError, match="tables"):
        isthmus.tune(np.zeros((30, 8, 8)))
    with pytest.raises(DataError, match="two columns or more"):
        isthmus.tune(table[["a"]])


def test_scikit_learns_searches_take_an_autoencoder(table):
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV

    model = isthmus.Autoencoder(epochs=1, hidden=(8,), verbose=0)
    grid = {"size": [1, 2], "architecture__hidden": [(8,), (4,)]}
    model.set_params(architecture=isthmus.architectures.mlp.Mlp())
    found = GridSearchCV(model, grid, cv=2).fit(table)
    assert found.best_params_["size"] in {1, 2}
    assert np.isfinite(found.cv_results_["mean_test_score"]).all()
    assert found.transform(table).shape == (120, found.best_params_["size"])
    chances = {"size": [1, 2, 3], "learning_rate": [1e-3, 1e-2]}
    halving = HalvingRandomSearchCV(
        model, chances, cv=2, resource="epochs", min_resources=1, max_resources=4,
        random_state=0,
    ).fit(table)  # fmt: skip
    assert halving.best_params_["epochs"] <= 4
    assert np.isfinite(halving.best_score_)


@pytest.mark.slow
@ON_RAY
def test_workers_of_ray_share_the_trials(table):
    found = isthmus.tune(
        table, fixed=QUICK, trials=4, folds=2, engine="ray", workers=2, verbose=0
    )
    assert 4 <= found.table.num_rows <= 6


def test_an_unknown_engine_is_refused(table):
    with pytest.raises(RecipeError, match="no engine 'spark'"):
        isthmus.tune(table, engine="spark")
