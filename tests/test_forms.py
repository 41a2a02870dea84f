"""Images and series pass through the same door as tables."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from kinds import CASES, DIGITS, QUICK, TIMED, colours, sensors, sines
from PIL import Image

import isthmus
from isthmus.architectures.conv2d import Conv2d
from isthmus.errors import DataError, IsthmusWarning, RecipeError


@pytest.fixture(scope="module")
def fitted():
    kinds = "an array", "colours", "digits", "sensors"
    return {
        name: isthmus.Autoencoder(kind=CASES[name][1], **QUICK).fit(CASES[name][0])
        for name in kinds
    }


# --------------------------------------------------------------------------- images


def test_more_than_two_axes_are_images(fitted):
    model = fitted["digits"]
    assert model.recipe_.architecture.kind() == "conv2d"
    assert model.module_.event == (1, 8, 8)
    assert model.n_features_in_ == 1
    assert model.inverse_transform(model.transform(DIGITS[:5])).shape == (5, 8, 8)


def test_pixels_are_scaled_by_mean_and_deviation(fitted):
    x = fitted["colours"].standardize(colours())
    assert np.allclose(x.mean((0, 2, 3)), 0, atol=1e-5)
    assert np.allclose(x.std((0, 2, 3)), 1, atol=1e-5)


def test_tensors_have_their_channels_first():
    X = torch.from_numpy(np.moveaxis(colours(), -1, 1).copy())
    model = isthmus.Autoencoder(**QUICK).fit(X)
    rebuilt = model.reconstruct(X)
    assert rebuilt.shape == X.shape
    assert np.allclose(model.standardize(X).mean((0, 2, 3)), 0, atol=1e-5)


def test_images_of_pillow_are_taken():
    model = isthmus.Autoencoder(**QUICK).fit([Image.fromarray(d) for d in DIGITS])
    assert np.array_equal(
        model.score_samples([Image.fromarray(DIGITS[0])]),
        model.score_samples(DIGITS[:1]),
    )


def test_a_pixel_that_is_missing_weighs_nothing():
    X = colours()
    X[::2, 3:6, 4:9] = np.nan
    model = isthmus.Autoencoder(**QUICK).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    told = model.explain(X[:2])
    assert (told.contributions[0, 3:6, 4:9] == 0).all()
    assert (told.contributions[1, 3:6, 4:9] != 0).any()


def test_bits_are_explained_by_their_probability():
    model = isthmus.Autoencoder(**QUICK).fit(DIGITS > 100)
    assert model.recipe_.likelihood.kind() == "bernoulli"
    assert model.reconstruct(DIGITS[:3] > 100).dtype == bool
    grey = isthmus.Autoencoder(likelihood="bce", **QUICK).fit(DIGITS)
    assert grey.module_.layout.contents == {"unit"}
    assert grey.reconstruct(DIGITS).dtype == np.uint8


def test_a_code_may_have_places():
    made = Conv2d(channels=(4,), places=True)
    model = isthmus.Autoencoder(architecture=made, **QUICK).fit(DIGITS)
    z = model.transform(DIGITS[:7])
    assert z.shape == (7, 4, 4, 4)
    assert np.array_equal(model.inverse_transform(z), model.reconstruct(DIGITS[:7]))
    drawn = isthmus.variational(architecture=made, **QUICK).fit(DIGITS).sample(2)
    assert drawn.shape == (2, 8, 8)


def test_with_skips_a_code_alone_cannot_be_decoded():
    made = Conv2d(channels=(4, 6), places=True, skips=True)
    with pytest.warns(IsthmusWarning, match="With skips the input goes past the code"):
        model = isthmus.Autoencoder(architecture=made, **QUICK).fit(DIGITS)
    with pytest.raises(RecipeError, match="A code alone cannot be decoded"):
        model.inverse_transform(model.transform(DIGITS[:2]))


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (DIGITS[:, :7], r"have 8 x 8 pixels\. Got 7 x 8"),
        (DIGITS.astype(float), r"hold uint8\. Got float64"),
        (colours(4, 8, 8), "have 1 channels. Got 3"),
        (DIGITS[0], "array"),
        (DIGITS[:0], "1 images or more are needed"),
    ],
)
def test_other_images_are_refused(X, said, fitted):
    with pytest.raises(DataError, match=said):
        fitted["digits"].transform(X)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (np.array([[["a", "b"]] * 2] * 3), "must hold numbers"),
        (colours() * np.inf, "row 0, column 0 is infinite"),
        ([DIGITS[0], DIGITS[0].astype(float)], "several data types"),
        ([DIGITS[0], colours().astype(np.uint8)[0]], "of 2 and 3 axes"),
    ],
)
def test_what_are_no_images_is_said(X, said):
    with np.errstate(invalid="ignore"), pytest.raises(DataError, match=said):
        isthmus.Autoencoder(**QUICK).fit(X)


def test_a_likelihood_of_probabilities_wants_pixels_from_0_to_1():
    with pytest.raises(DataError, match=r"wants pixels from 0 to 1\. Got"):
        isthmus.Autoencoder(likelihood="bce", **QUICK).fit(colours() * 3)


def test_kinds_are_named():
    with pytest.raises(RecipeError, match="kind of data 'image'.*images"):
        isthmus.Autoencoder(kind="image", **QUICK).fit(DIGITS)
    with pytest.raises(RecipeError, match="Say first what the data is"):
        isthmus.Autoencoder().set_params(kind__window=3)
    made = isthmus.Autoencoder(kind="series").set_params(kind__window=3)
    assert made.kind == isthmus.Series(window=3)


# --------------------------------------------------------------------------- series


def test_a_row_has_a_score_however_long_the_series_is(fitted):
    model = fitted["an array"]
    for rows in (3, 64, 65, 600):
        scores = model.score_samples(sines()[:rows])
        assert scores.shape == (rows,)
        assert np.isfinite(scores).all()
        assert np.isfinite(model.reconstruct(sines()[:rows])).all()


def test_one_column_may_be_an_array_of_one_axis():
    x = sines()[:, 0]
    model = isthmus.Autoencoder(kind="series", **QUICK).fit(x)
    assert model.reconstruct(x).shape == x.shape


def test_series_of_several_lengths_do_not_touch():
    parts = [sines()[:100], sines()[:70], sines()[:40]]
    model = isthmus.Autoencoder(kind=isthmus.Series(window=32), **QUICK).fit(parts)
    rebuilt, scores = model.reconstruct(parts), model.score_samples(parts)
    assert [part.shape for part in rebuilt] == [(100, 2), (70, 2), (40, 2)]
    assert np.array_equal(model.reconstruct([parts[1]])[0], rebuilt[1])
    assert np.array_equal(model.score_samples([parts[2]]), scores[170:])


def test_rows_may_come_in_any_order(fitted):
    frame, model = sensors(), fitted["sensors"]
    mixed = frame.sample(frac=1, random_state=0)
    expected = model.score_samples(frame)[mixed.index]
    assert np.array_equal(model.score_samples(mixed), expected)
    assert model.reconstruct(mixed).index.equals(mixed.index)


def test_series_are_told_apart_by_name():
    frame = pd.concat([sensors(150).assign(unit=k) for k in "ab"])
    kind = isthmus.Series(time="when", by="unit", window=32)
    model = isthmus.Autoencoder(kind=kind, **QUICK).fit(frame)
    alone = model.score_samples(frame[frame["unit"] == "b"])
    assert np.array_equal(model.score_samples(frame)[150:], alone)
    said = {found.name: found.why for found in model.columns_}
    assert said["when"] == "the time of a row"
    assert said["unit"] == "the series of a row"
    with pytest.raises(DataError, match=r"have the same time. Name .* Series\(by"):
        isthmus.Autoencoder(kind=TIMED, **QUICK).fit(frame)


def test_a_gap_is_invisible_and_a_long_one_parts_the_series():
    whole = sensors()
    gap = whole.drop(index=range(100, 110)).reset_index(drop=True)
    model = isthmus.Autoencoder(kind=TIMED, **QUICK).fit(gap)
    assert model._converter.step == 300
    assert model.module_.missing
    steps = model._read(gap)[0].rows
    assert model._converter.course(steps).extents == (600,)
    long = whole.drop(index=range(100, 200))
    steps = model._read(long)[0].rows
    assert model._converter.course(steps).extents == (100, 400)
    alone = model.score_samples(whole[200:])
    assert np.array_equal(model.score_samples(long)[100:], alone)


def test_an_uneven_clock_is_a_channel():
    frame = sensors()
    seconds = np.random.default_rng(0).exponential(60, len(frame)).cumsum()
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds, "s")
    model = isthmus.Autoencoder(kind=TIMED, **QUICK).fit(frame)
    assert model._converter.step == 0
    assert model.module_.event[0] == fitted_channels() + 1
    assert np.isfinite(model.score_samples(frame)).all()
    later = frame.assign(when=frame["when"] + pd.Timedelta("30D"))
    assert np.allclose(model.score_samples(later), model.score_samples(frame))


def fitted_channels():
    model = isthmus.Autoencoder(kind=TIMED, **QUICK).fit(sensors())
    return model.module_.event[0]


def test_an_index_of_times_is_a_clock():
    frame = sensors().set_index("when").drop(index=pd.Timestamp("2024-01-01 01:00"))
    model = isthmus.Autoencoder(kind="series", **QUICK).fit(frame)
    assert model._converter.step == 300
    assert model.reconstruct(frame).index.equals(frame.index)


def test_series_of_other_columns_are_refused():
    parts = [np.zeros((60, 2)), np.zeros((70, 3))]
    with pytest.raises(DataError, match="must have the same columns"):
        isthmus.Autoencoder(kind="series", **QUICK).fit(parts)


def test_weights_of_a_series_are_refused():
    columns = isthmus.Columns(weights={"heat": 2.0})
    model = isthmus.Autoencoder(kind=TIMED, columns=columns, **QUICK)
    with pytest.raises(RecipeError, match="Columns of a series have no weights"):
        model.fit(sensors())


def test_a_file_of_a_series_is_read_whole(tmp_path):
    frame, file = sensors(), tmp_path / "sensors.parquet"
    frame.to_parquet(file)
    parts = isthmus.stream(lambda: (frame[i : i + 77] for i in range(0, 600, 77)))
    model = isthmus.Autoencoder(kind=TIMED, **QUICK).fit(frame)
    scores, z = model.score_samples(frame), model.transform(frame)
    for source in (file, parts):
        same = isthmus.Autoencoder(kind=TIMED, **QUICK).fit(source)
        assert np.array_equal(same.score_samples(source), scores)
        assert np.array_equal(model.transform(source), z)
    found = isthmus.AnomalyDetector(autoencoder=model, verbose=0).fit(file)
    assert np.array_equal(found.score_samples(parts), found.score_samples(frame))


def test_polars_frames_come_back_as_such():
    frame = pl.from_pandas(sensors())
    model = isthmus.Autoencoder(kind=TIMED, **QUICK).fit(frame)
    rebuilt = model.reconstruct(frame)
    assert isinstance(rebuilt, pl.DataFrame)
    assert rebuilt["when"].equals(frame["when"])
    assert set(rebuilt["mode"]) <= {"day", "night"}


def test_missing_cells_of_a_series_weigh_nothing():
    X = sines()
    X[50:60, 0] = np.nan
    model = isthmus.Autoencoder(kind="series", **QUICK).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    told = model.explain(X)
    assert (told.contributions[50:60, 0] == 0).all()
    assert (told.contributions[50:60, 1] != 0).all()


def test_a_series_without_its_clock_is_refused(fitted):
    with pytest.raises(DataError, match="when"):
        fitted["sensors"].score_samples(sensors().drop(columns="when"))
    frame = sensors().assign(when="noon")
    with pytest.raises(DataError, match="when"):
        isthmus.Autoencoder(kind=TIMED, **QUICK).fit(frame)
    unknown = isthmus.Series(time="clock")
    with pytest.raises(DataError, match="no column 'clock'"):
        isthmus.Autoencoder(kind=unknown, **QUICK).fit(sensors())


def test_a_file_says_what_its_data_was(fitted, tmp_path):
    isthmus.save(fitted["sensors"], tmp_path / "m.isthmus")
    state = isthmus.inspect(tmp_path / "m.isthmus")["state"]
    assert state["parameters"]["kind"]["form"] == "series"
    assert json.dumps(state["converter"])


# ------------------------------------------------------------------------ detection


def test_odd_images_score_low():
    X = DIGITS.copy()
    model = isthmus.AnomalyDetector(verbose=0).fit(X)
    odd = np.rot90(X[:20], axes=(1, 2))
    assert np.median(model.score_samples(255 - odd)) < np.median(model.score_samples(X))
    assert model.form_ == "images"
    assert set(model.predict(X)) <= {-1, 1}
    assert ((model.p_values(X) > 0) & (model.p_values(X) <= 1)).all()


def test_odd_rows_of_a_series_are_flagged(tmp_path):
    normal, odd = sines(), sines()
    odd[300:310, 0] += 3
    model = isthmus.AnomalyDetector(kind="series", verbose=0).fit(normal)
    scores = model.score_samples(odd)
    assert scores.shape == (600,)
    assert scores[300:310].mean() < np.quantile(scores, 0.1)
    assert (model.predict(odd)[300:310] == -1).any()
    told = model.explain(odd)
    assert told.contributions[300:310, 0].sum() < told.contributions[300:310, 1].sum()
    assert model.calibration_.source == "kept"
    isthmus.save(model, tmp_path / "d.isthmus")
    loaded = isthmus.load(tmp_path / "d.isthmus")
    assert np.array_equal(loaded.score_samples(odd), scores)
    assert "Scores:" in str(model.check_drift(normal))


@pytest.mark.parametrize("case", ["digits", "sensors"])
def test_what_wants_rows_of_a_table_says_so(case):
    X, kind = CASES[case]
    own = isthmus.Autoencoder(size=4, epochs=2)
    model = isthmus.AnomalyDetector(kind=kind, autoencoder=own, verbose=0).fit(X)
    with pytest.raises(DataError, match="Cells are changed in rows of a table"):
        model.smallest_change(X)
    if case == "digits":
        with pytest.raises(DataError, match="these rows have none"):
            model.explain(X[:2]).top()
    else:
        assert len(model.explain(X[:2]).top()) == 2
