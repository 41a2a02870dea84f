"""A denoiser gives back what it was fitted to, with less noise in it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

import isthmus
from isthmus.errors import RecipeError

CLEAN = load_digits().images[:600].astype(np.float32)
SHORT = isthmus.Training(epochs=15, batch_size=32)


def noisy(X, scale):
    return X + np.random.default_rng(0).normal(0, scale, X.shape).astype(X.dtype)


def error(a, b):
    return float(np.square(a - b).mean())


@pytest.fixture(scope="module")
def fitted():
    return isthmus.Denoiser(noise=(1, 6), training=SHORT, verbose=0).fit(CLEAN)


def test_images_lose_noise(fitted):
    given = noisy(CLEAN, 4)
    assert error(fitted.transform(given), CLEAN) < 0.4 * error(given, CLEAN)
    assert error(fitted.transform(CLEAN), CLEAN) < 0.1 * CLEAN.var()


def test_noise_is_in_the_units_of_a_pixel(fitted):
    scale = fitted.autoencoder_.recipe_.corruption.scale
    assert np.allclose(scale, np.array([1, 6]) / CLEAN.std(), rtol=1e-5)
    assert "level" not in fitted.autoencoder_.module_.clues


def test_a_saved_denoiser_is_the_same(fitted, tmp_path):
    isthmus.save(fitted, tmp_path / "d.isthmus")
    loaded = isthmus.load(tmp_path / "d.isthmus")
    given = noisy(CLEAN[:20], 4)
    assert np.array_equal(loaded.transform(given), fitted.transform(given))
    assert loaded.noise == (1, 6)
    assert clone(loaded).fit(CLEAN[:40]).transform(given).shape == given.shape


def test_series_lose_noise():
    t = np.arange(1500)[:, None] / np.array([6.0, 17.0])
    clean = np.sin(t)
    made = isthmus.Denoiser(kind="series", noise=0.5, training=SHORT, verbose=0)
    given = noisy(clean, 0.3)
    assert error(made.fit(clean).transform(given), clean) < 0.4 * error(given, clean)


def test_rows_of_a_table_lose_noise():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(800, 2)) @ rng.normal(size=(2, 10))
    made = isthmus.Denoiser(noise=0.5, training=SHORT, verbose=0).fit(clean)
    given = clean + 0.4 * clean.std(0) * rng.normal(size=clean.shape)
    assert error(made.transform(given), clean) < 0.5 * error(given, clean)


def test_an_autoencoder_of_ones_own_is_trained():
    own = isthmus.Autoencoder(size=3, epochs=1)
    made = isthmus.Denoiser(autoencoder=own, verbose=0).fit(CLEAN[:50])
    assert made.autoencoder_.recipe_.bottleneck.size == 3
    assert made.autoencoder_.recipe_.corruption.scale == (0.1, 1.0)
    assert not hasattr(own, "module_")


@pytest.mark.parametrize("noise", [0, -1, (2, 1), (0, 1)])
def test_noise_must_be_positive(noise):
    with pytest.raises(RecipeError, match="noise must be above 0"):
        isthmus.Denoiser(noise=noise, verbose=0).fit(CLEAN[:20])
