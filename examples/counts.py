"""Find the kinds of cells, and what makes them so, in counts of their genes.

python examples/counts.py --out FOLDER
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

import isthmus
from isthmus.plots import draw_codes

GENES = 200


def cells(rng: np.random.Generator) -> tuple[sparse.csr_array, np.ndarray]:
    """Four kinds of cells; some were looked at ten times as much as others."""
    common = rng.dirichlet(np.full(GENES, 0.5))
    shares = np.tile(common, (4, 1))
    for kind, own in enumerate(np.split(rng.permutation(GENES)[:40], 4)):
        shares[kind, own] *= 8
    kinds = rng.integers(4, size=600)
    rates = shares[kinds] / shares.sum(axis=1)[kinds, None]
    depth = 10 ** rng.uniform(2, 3, size=(600, 1))
    return sparse.csr_array(rng.poisson(depth * rates)), kinds


def main(out: Path) -> float:
    """How well clusters of codes are the kinds: 1 if they are the same."""
    out.mkdir(parents=True, exist_ok=True)
    counts, kinds = cells(np.random.default_rng(0))
    print(f"{counts.nnz / np.prod(counts.shape):.0%} of the cells are not 0")

    model = isthmus.variational(kind="counts", size=4, epochs=20, verbose=0)
    z = model.fit(counts).transform(counts)
    clusters = KMeans(4, n_init=10, random_state=0).fit_predict(z)
    same = float(adjusted_rand_score(kinds, clusters))
    depth = counts.sum(axis=1)
    told = max(abs(np.corrcoef(z.T, depth)[-1, :-1]))
    print(f"ARI of clusters and kinds {same:.2f}; |r| of a code and depth {told:.2f}")

    typical = model.inverse_transform(
        np.stack([z[clusters == k].mean(axis=0) for k in range(4)])
    )
    raised = np.log2(typical / typical.mean(axis=0))
    for k, row in enumerate(raised):
        names = ", ".join(f"gene {j}" for j in np.argsort(-row)[:3])
        print(f"cluster {k}: above all {names}")
    draw_codes(out / "counts.png", z, kinds)
    print(f"wrote {out / 'counts.png'}")
    return same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Find the kinds of cells.")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder")
    main(parser.parse_args().out)
