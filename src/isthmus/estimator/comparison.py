"""How well a table is rebuilt, beside PCA of one-hot columns and beside guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from sklearn.decomposition import PCA

from isthmus.data.blocks import in_blocks
from isthmus.data.categories import Categories
from isthmus.data.learner import TableLearner
from isthmus.data.sparse import Sparse
from isthmus.estimator.reading import read_rows
from isthmus.estimator.wishes import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from isthmus.data.rows import Rows
    from isthmus.data.table import Table
    from isthmus.trace import Batch

EXAMPLES = 2_000
"""Images or windows that are looked at, evenly spread."""

MOST = 50_000
"""Rows that are looked at, evenly spread."""


class Beside(NamedTuple):
    """Errors of a model, of PCA with as many components, and of the best guess."""

    columns: int
    model: float
    pca: float
    guess: float


def beside_pca(estimator: Any, X: Any) -> dict[str, Beside]:
    """Mean errors over ``numbers`` and over ``categories``, on the rows X of training.

    Of numbers and times the squared error per scaled cell, of categories the share of
    cells that are wrong; missing cells do not count. PCA (Pearson, 1901) is fitted on
    the same scaled numbers and one-hot categories.
    """
    rows, _ = read_rows(estimator, X, reset=False)
    rows = rows.every(-(-rows.height // MOST))
    one_hot = TableLearner(
        rows.columns,
        "real",
        columns_of(estimator).changed(weights={}),
        robust=estimator.scaling == "robust",
    )
    table = one_hot.update(rows).finish()
    x = table.encode(rows).x.numpy()
    size = min(estimator.recipe_.bottleneck.width, *x.shape)
    pca = PCA(size, random_state=0).fit(x)
    found = {
        "model": table.encode(_rebuilt(estimator, rows)).x.numpy(),
        "pca": pca.inverse_transform(pca.transform(x)),
        "guess": np.broadcast_to(x.mean(axis=0), x.shape),
    }
    errors = {name: column_errors(table, rows, y) for name, y in found.items()}
    text = {part.name for part in table.parts if isinstance(part, Categories)}
    names = [name for name in errors["pca"] if name in estimator._converter.places]  # noqa: SLF001
    kinds = {
        "numbers": [name for name in names if name not in text],
        "categories": [name for name in names if name in text],
    }
    return {
        kind: Beside(
            len(some),
            *(float(np.mean([errors[who][n] for n in some])) for who in found),
        )
        for kind, some in kinds.items()
        if some
    }


def _rebuilt(estimator: Any, rows: Rows) -> Rows:
    """Rows as the model rebuilds them."""
    module, own = estimator.module_, estimator._converter  # noqa: SLF001
    batch = own.encode(rows)
    (x,) = in_blocks(lambda block: (module.reconstruct(block),), batch, module)
    columns = own.decode(x.numpy(), rows)
    rebuilt: Rows = read_rows(estimator, pa.table(columns), reset=False).rows
    return rebuilt


class Perplexity(NamedTuple):
    """exp of the mean surprise of a word, by a model and by overall shares of words."""

    model: float
    guess: float


def perplexity(estimator: Any, X: Any) -> Perplexity:
    """How well the words of texts follow from codes of the same texts."""
    batch, y = _some_rebuilt(estimator, X)
    x, total = batch.x.double(), max(float(batch.x.sum()), 1.0)
    shares = y.double() / y.double().sum(1, keepdim=True), x.sum(0) / total
    found = [-float(torch.xlogy(x, share).sum()) / total for share in shares]
    return Perplexity(*np.exp(found).tolist())


def _some_rebuilt(estimator: Any, X: Any) -> tuple[Batch, torch.Tensor]:
    """Some examples, evenly spread, and what the model makes of them."""
    rows = read_rows(estimator, X, reset=False).rows
    data = estimator._converter.encode(rows)  # noqa: SLF001
    index = torch.linspace(0, len(data) - 1, min(len(data), EXAMPLES)).long()
    batch = data.rows(index)
    batch = batch.dense() if isinstance(batch, Sparse) else batch
    module = estimator.module_
    (y,) = in_blocks(lambda block: (module.reconstruct(block),), batch, module)
    return batch, y


def column_errors(
    table: Table, rows: Rows, y: NDArray[np.floating[Any]]
) -> dict[str, float]:
    """Error of each column of rows whose entries, (n, E), were rebuilt as ``y``."""
    batch = table.encode(rows)
    squares = np.square(batch.x.numpy() - y)
    shown = np.ones_like(squares) if batch.visible is None else batch.visible.numpy()
    decoded = table.decode(np.asarray(y, dtype=np.float32))
    errors = {}
    for part in table.parts:
        for name in part.names:
            place = table.places[name]
            if isinstance(part, Categories):
                cells = rows.texts[name].to_pylist()
                guesses = decoded[name].cast("string").to_pylist()
                pairs = [(a, b) for a, b in zip(cells, guesses, strict=True) if a]
                wrong = sum(a != b for a, b in pairs)
                errors[name] = wrong / max(len(pairs), 1)
            else:
                seen = max(float(shown[:, place].sum()), 1.0)
                errors[name] = float((squares * shown)[:, place].sum() / seen)
    return errors


def entries_beside_pca(estimator: Any, X: Any) -> Beside:
    """Mean squared error per scaled entry of images, or of windows of series.

    Of counts, of what the encoder sees of them: log(1 + x) at the typical total.
    """
    batch, y = _some_rebuilt(estimator, X)
    module, y, seen = estimator.module_, y.flatten(1), batch.x
    if "count" in module.layout.contents:
        y, seen = map(module.likelihood.view, (y, seen))
    x = seen.flatten(1).numpy()
    shown = 1.0 if batch.visible is None else batch.visible.flatten(1).numpy()
    size = min(module.recipe.bottleneck.width * module.grid.numel(), *x.shape)
    with np.errstate(invalid="ignore"):  # a single window has no variance
        pca = PCA(size, random_state=0).fit(x)
    found = y.numpy(), pca.inverse_transform(pca.transform(x)), x.mean(0)
    weight = np.broadcast_to(shown, x.shape).sum()
    squares = [(np.square(x - guess) * shown).sum() for guess in found]
    return Beside(x.shape[1], *(float(total / weight) for total in squares))
