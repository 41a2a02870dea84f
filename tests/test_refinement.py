"""Refined codes: never worse than the encoder's, and each row's own business."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import isthmus
from isthmus.errors import RecipeError

X = load_digits().data / 16


def fitted(preset=isthmus.undercomplete, **keywords):
    given = {"size": 8, "hidden": (32,), "epochs": 5, "verbose": 0, "likelihood": "bce"}
    return preset(**given | keywords).fit(X[:800])


def cost(model, z, x=X):
    """-log p of the known cells of each row, given its code."""
    p = np.clip(model.inverse_transform(z), 1e-6, 1 - 1e-6)
    return -np.nansum(x * np.log(p) + (1 - x) * np.log(1 - p), 1)


@pytest.mark.parametrize(
    "preset",
    [isthmus.undercomplete, isthmus.k_sparse, isthmus.sparse_kl, isthmus.variational],
)
def test_codes_explain_their_rows_better_and_none_worse(preset):
    own = {"k": 3} if preset is isthmus.k_sparse else {}
    model = fitted(preset, **own)
    first, refined = model.transform(X), isthmus.refine(model, X)
    before, after = cost(model, first), cost(model, refined)
    assert after.mean() < before.mean() - 0.1
    assert (after <= before + 1e-3).all()
    assert refined.shape == first.shape
    assert refined.dtype == np.float32
    if own:
        assert (np.count_nonzero(refined, axis=1) <= 3).all()
    if preset is isthmus.sparse_kl:
        assert refined.min() >= 0
        assert refined.max() <= 1


def test_a_row_is_its_own_business_and_nothing_is_learned():
    model = fitted()
    before = {k: v.clone() for k, v in model.module_.state_dict().items()}
    all_of_them = isthmus.refine(model, X)
    order = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(isthmus.refine(model, X[order]), all_of_them[order])
    assert np.array_equal(isthmus.refine(model, X[:7]), all_of_them[:7])
    after = model.module_.state_dict()
    assert all((before[name] == after[name]).all() for name in before)


def test_missing_cells_pull_at_nothing():
    holes = X.copy()
    holes[::2, 20] = np.nan
    given = {"hidden": (32,), "epochs": 5, "likelihood": "bce", "verbose": 0}
    model = isthmus.undercomplete(8, **given).fit(holes)
    before, after = (
        cost(model, z, holes)
        for z in (model.transform(holes), isthmus.refine(model, holes))
    )
    assert after.mean() < before.mean() - 0.1
    assert (after <= before + 1e-3).all()


def test_what_cannot_be_refined_is_refused():
    model = fitted(isthmus.vector_quantized)
    with pytest.raises(RecipeError, match="Use transform"):
        isthmus.refine(model, X)
    with pytest.raises(RecipeError, match="steps"):
        isthmus.refine(fitted(), X, steps=0)
