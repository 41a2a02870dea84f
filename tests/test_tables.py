"""Tables of every kind of column, fitted, scored, explained and saved."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy import sparse

import isthmus
from isthmus.errors import DataError
from isthmus.estimator.explanation import give_back
from isthmus.estimator.reading import read_rows

pytestmark = pytest.mark.filterwarnings("ignore:Set aside")
QUICK = {"size": 1, "hidden": (8,), "epochs": 2, "verbose": 0, "validation": 0}


def quick(**keywords):
    return isthmus.Autoencoder(**{**QUICK, **keywords})


def mixed(n=160, seed=0):
    """A column of every kind, some cells missing."""
    chance = np.random.default_rng(seed)
    numbers = chance.normal(5, 2, n)
    numbers[::9] = np.nan
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(chance.integers(0, 900, n), "D")
    return pd.DataFrame(
        {
            "number": numbers,
            "whole": chance.integers(0, 50, n).astype("int16"),
            "flag": chance.random(n) < 0.3,
            "job": pd.Series(chance.choice(["cook", "smith", None], n), dtype="str"),
            "rank": pd.Categorical(
                chance.choice(["low", "high"], n), ["low", "no", "high"], ordered=True
            ),
            "day": days,
            "when": (
                days + pd.to_timedelta(chance.integers(0, 24, n), "h")
            ).tz_localize("Asia/Kathmandu"),
            "took": pd.to_timedelta(chance.integers(1, 999, n), "s"),
            "fixed": ["here"] * n,
            "same": [7] * n,
            "key": [f"k{i}" for i in range(n)],
        },
        index=chance.permutation(n),
    )


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(0)
    return quick().fit(mixed())


# ------------------------------------------------------------- one table, any container


def assert_same_answers(one, two, X, Z):
    np.testing.assert_array_equal(one.transform(X), two.transform(Z))
    np.testing.assert_array_equal(one.score_samples(X), two.score_samples(Z))


NUMBERS = np.random.default_rng(0).normal(size=(60, 3))
NAMED = pd.DataFrame(NUMBERS, columns=["a", "b", "c"])


class Capsule:
    """Whatever speaks Arrow, and nothing else."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


ARROW = pa.Table.from_pandas(NAMED)


@pytest.mark.parametrize(
    "same",
    [
        NAMED,
        pl.from_pandas(NAMED),
        ARROW,
        Capsule(ARROW),
        sparse.csr_array(NUMBERS),
        torch.from_numpy(NUMBERS),
        NUMBERS.tolist(),
        NAMED.astype("Float64"),
        NAMED.map(repr),
    ],
    ids=[
        "pandas",
        "polars",
        "arrow",
        "capsule",
        "sparse",
        "torch",
        "list",
        "null",
        "text",
    ],
)
def test_the_same_numbers_give_the_same_bits_in_any_container(same):
    assert_same_answers(quick().fit(NUMBERS), quick().fit(same), NUMBERS, same)


def test_a_frame_of_numbers_is_its_array():
    frame = pd.DataFrame(
        {"a": NUMBERS[:, 0], "n": np.arange(60) % 7, "b": NUMBERS[:, 1] > 0}
    )
    array = frame.to_numpy(dtype=float)
    assert_same_answers(quick().fit(frame), quick().fit(array), frame, array)


def test_text_that_holds_numbers_is_numbers():
    words = pd.DataFrame(
        {"a": ["1", "2.5", "NA", "-3e2"] * 9, "b": ["4", "?", "6"] * 12}
    )
    numbers = pd.DataFrame(
        {"a": [1, 2.5, np.nan, -300] * 9, "b": pd.array([4, None, 6] * 12, "Int64")}
    )
    assert_same_answers(quick().fit(words), quick().fit(numbers), words, numbers)


@pytest.mark.parametrize("form", [pl.from_pandas, pa.Table.from_pandas, Capsule])
def test_a_mixed_table_gives_the_same_bits_in_any_container(form, fitted):
    frame = mixed().reset_index(drop=True)
    same = Capsule(pa.Table.from_pandas(frame)) if form is Capsule else form(frame)
    assert_same_answers(fitted, quick().fit(same), frame, same)


def test_an_array_of_objects_is_a_mixed_table():
    frame = mixed()[["number", "whole", "job"]]
    array = frame.astype(object).to_numpy()
    assert_same_answers(quick().fit(frame), quick().fit(array), frame, array)


# ------------------------------------------------------------------------ missing cells


def batch_of(model, frame):
    rows, _ = read_rows(model, frame, reset=False)
    return model._converter.encode(rows)


def params_of_entries(likelihood):
    """Which parameters of the likelihood speak of each entry, entry by entry."""
    places = []
    for run in likelihood._runs:
        count = run.field.shape[0]
        params = torch.arange(run.params.start, run.params.stop)
        places.extend(params.reshape(count, -1))
    return places


def test_the_decoder_feels_nothing_of_missing_cells(fitted):
    batch, module = batch_of(fitted, mixed()), fitted.module_
    trace = module(batch)
    trace.params.retain_grad()
    module.loss(trace)[0].backward()
    places = params_of_entries(module.likelihood)
    felt = torch.stack([trace.params.grad[:, p].abs().sum(1) for p in places], 1)
    weighed = batch.visible.bool() & (module.entry_weights > 0)
    assert not batch.visible.all()
    assert (felt[~batch.visible.bool()] == 0).all()
    assert (felt * weighed > 0).any(0).sum() > len(places) / 2


def gradients(module, batch):
    torch.manual_seed(0)
    module.zero_grad()
    loss, _ = module.loss(module.train()(batch))
    loss.backward()
    module.eval()
    return [loss.detach(), *(p.grad.clone() for p in module.parameters())]


@pytest.mark.parametrize("corruption", [None, "masking", "gaussian_noise"])
def test_what_stands_under_a_missing_cell_changes_no_bit(corruption):
    frame = mixed()
    model = quick(corruption=corruption).fit(frame)
    batch = batch_of(model, frame)
    other = batch.x.roll(1, 0)  # valid cells, of other rows
    filled = torch.where(batch.visible.bool(), batch.x, other)
    assert not torch.equal(filled, batch.x)
    told = gradients(model.module_, type(batch)(filled, batch.visible))
    for one, two in zip(told, gradients(model.module_, batch), strict=True):
        assert torch.equal(one, two)


def test_cells_are_not_swapped_for_missing_ones():
    frame = mixed()
    model = quick(corruption="swap_noise").fit(frame)
    batch, place = batch_of(model, frame), model._converter.places["job"]
    swapped = model.module_.train()(batch).corrupted
    seen = batch.visible[:, place] == 1
    assert (swapped[:, place][seen] != batch.x[:, place][seen]).any()
    assert (swapped[:, place][seen] > 0).all()  # 0 stands for what is not there


def test_missing_cells_contribute_nothing(fitted):
    frame = mixed()
    explained = fitted.explain(frame)
    gone = frame.isna().to_numpy()
    assert gone.sum() > 20
    assert (explained.contributions.to_numpy()[gone] == 0).all()


def test_a_column_without_a_cell_is_fitted_and_given_back():
    frame = mixed().assign(
        nothing=np.nan,
        no_text=pd.Series([None] * 160, dtype="str"),
        no_time=pd.Series([pd.NaT] * 160, dtype="datetime64[us]"),
        no_rank=pd.Categorical([None] * 160, ["a", "b"]),
        no_flag=pd.array([None] * 160, "boolean"),
        no_object=pd.Series([None] * 160, dtype=object),
    )
    model = quick().fit(frame)
    assert np.isfinite(model.score_samples(frame)).all()
    back = model.reconstruct(frame)
    assert list(back.dtypes) == list(frame.dtypes)
    assert back[["no_text", "no_rank", "no_time", "no_object"]].isna().all(axis=None)


@pytest.mark.parametrize(
    "name", ["number", "whole", "flag", "job", "rank", "when", "took"]
)
def test_a_column_may_lose_all_its_cells_after_fitting(name, fitted):
    frame = mixed().head(5)
    frame[name] = frame[name].astype(object).where(np.zeros(5, dtype=bool), None)
    explained = fitted.explain(frame)
    assert (explained.contributions[name] == 0).all()
    assert np.isfinite(fitted.score_samples(frame)).all()
    assert fitted.reconstruct(frame)[name].notna().all()


def test_a_row_without_a_cell_scores_zero(fitted):
    row = mixed().head(1).astype(object)
    row.loc[:] = None
    assert fitted.score_samples(row).tolist() == [0]
    assert np.isfinite(fitted.transform(row)).all()


def test_the_encoder_is_told_only_if_cells_were_missing(fitted):
    whole = mixed().drop(columns=["number", "job"])
    assert fitted.module_.clues == {"visible"}
    assert quick().fit(whole).module_.clues == frozenset()


# ------------------------------------------------------------------------- schema drift


def test_the_order_of_columns_does_not_matter(fitted):
    frame = mixed()
    assert_same_answers(fitted, fitted, frame, frame[sorted(frame)])


def test_all_that_changed_is_named_in_one_error(fitted):
    wrong = mixed().drop(columns=["whole", "flag"]).assign(new=1, number="many", when=3)
    with pytest.raises(DataError) as caught:
        fitted.score_samples(wrong)
    for name in ("whole", "flag", "new", "number", "when"):
        assert repr(name) in str(caught.value)


def test_columns_that_were_set_aside_may_be_absent(fitted):
    frame = mixed()
    less = frame.drop(columns="key")
    assert_same_answers(fitted, fitted, frame, less)
    assert fitted.reconstruct(less)["key"].isna().all()


def test_columns_that_were_set_aside_are_passed_on(fitted):
    frame = mixed()
    pd.testing.assert_series_equal(fitted.reconstruct(frame)["key"], frame["key"])


# ----------------------------------------------------------------------- what users say


@pytest.mark.parametrize("form", [pd.DataFrame, pd.DataFrame.to_numpy])
@pytest.mark.parametrize("cells", [[3, 7, 9, 3] * 20, [3.0, 7.0, 9.0, 3.0] * 20])
def test_numbers_may_be_codes(form, cells):
    frame = pd.DataFrame({"x0": np.linspace(0, 1, 80), "x1": cells})
    X = form(frame)
    model = quick(columns={"x1": "category"}).fit(X)
    converter = model._converter
    assert converter.parts[-1].levels == ["3", "7", "9"]
    back = model.reconstruct(X)
    assert set(np.asarray(back)[:, 1]) <= {3, 7, 9}
    assert np.asarray(model.explain(X).actual)[:, 1].tolist() == cells


def test_an_identifier_may_be_taken_in_and_a_column_set_aside():
    frame = mixed()
    model = quick(columns={"key": "category", "whole": "identifier"}).fit(frame)
    assert model._converter.aside == ["whole"]
    assert (model.explain(frame).contributions["whole"] == 0).all()
    pd.testing.assert_series_equal(model.reconstruct(frame)["whole"], frame["whole"])


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([0.5, 2.5], "boolean"),
        ([0, 2], "boolean"),
        (["a", "b"], "boolean"),
        (["a", "b"], "float"),
        (["a", "b"], "datetime"),
        ([1, 2], "datetime"),
        ([True, False], "duration"),
    ],
    ids=str,
)
def test_a_column_that_is_not_what_the_user_says_is_refused_by_name(cells, kind):
    frame = pd.DataFrame({"plain": np.linspace(0, 1, 40), "c": cells * 20})
    with pytest.raises(DataError, match="[Cc]olumn 'c'") as caught:
        quick(columns={"c": kind}).fit(frame)
    assert "in fitting" not in str(caught.value)  # this is fitting


def test_a_category_that_was_never_seen_survives_a_file(tmp_path):
    frame = mixed().assign(never=pd.Series([None] * 160, dtype="str"))
    model = quick(columns={"never": "category"}).fit(frame)
    isthmus.save(model, tmp_path / "m.isthmus")
    again = isthmus.load(tmp_path / "m.isthmus")
    assert_same_answers(model, again, frame, frame)


def test_counts_are_explained_as_counts():
    frame = mixed()[["whole", "job", "number"]]
    model = quick(columns={"whole": "count"}).fit(frame)
    assert "count" in model.module_.layout.contents
    assert np.isfinite(model.score_samples(frame)).all()


def test_a_column_that_is_not_there_gets_a_near_name():
    with pytest.raises(DataError, match="no column 'jop'. Did you mean 'job'"):
        quick(columns={"jop": "category"}).fit(mixed())


def test_weights_scale_the_contributions():
    wish = isthmus.Columns(weights={"job": 3.0, "number": 0.5, "when": 0.0})
    frame = mixed()
    plain, wished = quick(), quick(columns=wish)
    one, two = (model.fit(frame)._converter.weights for model in (plain, wished))
    assert two["job"] == 3 * one["job"]
    assert two["number"] == 0.5 * one["number"]
    assert two["when"] == 0
    assert two["flag"] == one["flag"]
    # the same network under both weights
    wished.module_.load_state_dict(plain.module_.state_dict())
    before, after = plain.explain(frame), wished.explain(frame)
    factors = after.contributions / before.contributions
    np.testing.assert_allclose(factors["job"].dropna(), 3, rtol=1e-6)
    np.testing.assert_allclose(factors["number"].dropna(), 0.5, rtol=1e-6)
    assert (after.contributions["when"] == 0).all()


# ----------------------------------------------------------------------- one likelihood


@pytest.mark.parametrize("likelihood", ["mse", "bce"])
def test_one_formula_for_all_columns_works_on_one_hot_categories(likelihood):
    frame = mixed()
    model = quick(likelihood=likelihood).fit(frame)
    assert len(model.module_.layout.contents) == 1
    assert np.isfinite(model.score_samples(frame)).all()
    batch = batch_of(model, frame)
    _, origin = read_rows(model, frame, reset=False)
    back = give_back(model._converter, batch.x.numpy(), (origin, model._origin))
    columns = ["whole", "flag", "rank", "day", "when", "took", "fixed", "same"]
    pd.testing.assert_frame_equal(back[columns], frame[columns])
    seen = frame["job"].notna()
    assert (back["job"][seen] == frame["job"][seen]).all()
    near = frame["number"].notna()
    np.testing.assert_allclose(back["number"][near], frame["number"][near], rtol=1e-5)


def test_text_is_no_count():
    with pytest.raises(DataError, match="Column 'job' must hold the numbers 0, 1, 2"):
        quick(likelihood="poisson").fit(mixed()[["whole", "job"]])


# -------------------------------------------------------------------------------- files


def test_a_mixed_model_survives_a_file(fitted, tmp_path):
    isthmus.save(fitted, tmp_path / "m.isthmus")
    again, frame = isthmus.load(tmp_path / "m.isthmus"), mixed()
    assert_same_answers(fitted, again, frame, frame)
    pd.testing.assert_frame_equal(again.reconstruct(frame), fitted.reconstruct(frame))
    codes = fitted.transform(frame)
    one, two = (m.inverse_transform(codes) for m in (fitted, again))
    pd.testing.assert_frame_equal(two, one)
    assert list(two.dtypes) == list(frame.dtypes)
    assert again._converter.to_dict() == fitted._converter.to_dict()


def with_enum(frame):
    return pl.from_pandas(frame).with_columns(
        pl.col("rank").cast(pl.String).cast(pl.Enum(["low", "no", "high"]))
    )


@pytest.mark.parametrize("form", [pl.from_pandas, with_enum, pa.Table.from_pandas])
def test_so_does_one_of_another_container(form, tmp_path):
    frame = form(mixed().reset_index(drop=True))
    model = quick().fit(frame)
    isthmus.save(model, tmp_path / "m.isthmus")
    again = isthmus.load(tmp_path / "m.isthmus")
    assert_same_answers(model, again, frame, frame)
    codes = model.transform(frame)
    two, one = again.inverse_transform(codes), model.inverse_transform(codes)
    assert two.equals(one)
    assert two.schema == one.schema


def test_a_detector_takes_a_mixed_table():
    frame = mixed()
    detector = isthmus.AnomalyDetector(verbose=0, autoencoder=quick()).fit(frame)
    assert set(detector.predict(frame)) <= {-1, 1}
    assert detector.explain(frame).actual.equals(frame)
