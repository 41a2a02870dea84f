"""An answer does not depend on the rows that are asked about with it."""

import numpy as np

import isthmus
from isthmus.data.blocks import rows_of_block


def test_wide_rows_are_scored_in_smaller_blocks_of_one_size():
    """As many rows as fit into four million entries, by halves; 256 at least."""
    asked = [1, 2048, 2049, 5000, 10_000, 10**6]
    assert [rows_of_block(n) for n in asked] == [2048, 2048, 1024, 512, 256, 256]
    x = np.random.default_rng(0).normal(size=(700, 5000)).astype(np.float32)
    model = isthmus.Autoencoder(size=2, hidden=(4,), epochs=1, verbose=0).fit(x[:20])
    scores = model.score_samples(x)
    assert np.array_equal(model.score_samples(x[500:601]), scores[500:601])
