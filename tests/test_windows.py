"""Windows look up what they cover, and put answers together again."""

import itertools

import numpy as np
import pytest
import torch

from isthmus.data.windows import MANY, Crops, Windows
from isthmus.ranks import ALONE, Ranks

SERIES = ((11,), (4,), (23,)), (4,), (2,)
IMAGES = ((7, 5), (4, 9)), (4, 3), (2, 1)
CASES = pytest.mark.parametrize("case", [SERIES, IMAGES], ids=["series", "images"])


def windows(case, channels=2):
    extents, window, stride = case
    places = sum(np.prod(extent) for extent in extents)
    x = torch.randn(places, channels)
    return Windows(x, (x > 0).float(), extents, window, stride)


def by_hand(some):
    """Every window as a slice of its array."""
    found = []
    for k, extent in enumerate(some.extents):
        start, stop = some.offsets[k], some.offsets[k + 1]
        array = some.x[start:stop].view(*extent, -1).movedim(-1, 0)
        axes = [
            sorted({*range(0, n - w + 1, s), n - w})
            for n, w, s in zip(extent, some.window, some.stride, strict=True)
        ]
        for corner in itertools.product(*axes):
            here = [slice(c, c + w) for c, w in zip(corner, some.window, strict=True)]
            found.append(array[(slice(None), *here)])
    return torch.stack(found)


@CASES
def test_windows_are_slices_of_arrays(case):
    some = windows(case)
    batch = some.slice(0, len(some))
    assert torch.equal(batch.x, by_hand(some))
    assert torch.equal(batch.visible, (batch.x > 0).float())
    assert batch.x.shape[1:] == some.event
    index = torch.tensor([3, 0, 3])
    assert torch.equal(some.rows(index).x, batch.x[index])
    assert [len(part) for part in some.split([2, 3])] == [2, 3]


@CASES
def test_what_is_blended_is_what_was_cut(case):
    some = windows(case)
    torch.testing.assert_close(some.blend(by_hand(some)), some.x)


@CASES
def test_pieces_answer_as_the_whole(case, monkeypatch):
    """An array at a time: its answers do not depend on its neighbours."""
    some = windows(case)
    answers = torch.randn(len(some), 1, *some.window)
    whole = some.blend(answers)
    monkeypatch.setattr("isthmus.data.windows.MOST", 1)
    pieces = list(some.pieces())
    assert len(pieces) == len(some.extents)
    parts = answers.split([len(piece) for piece in pieces])
    blended = [p.blend(a) for p, a in zip(pieces, parts, strict=True)]
    assert torch.equal(torch.cat(blended), whole)


def test_the_middle_of_a_window_counts_most():
    x = torch.zeros(6, 1)
    some = Windows(x, None, ((6,),), (4,), (2,))
    answers = torch.stack([torch.zeros(1, 4), torch.ones(1, 4)])
    # places 2 and 3 lie in both: weights 2 and 1 of 3, then 1 and 2
    expected = torch.tensor([0, 0, 1 / 3, 2 / 3, 1, 1])
    torch.testing.assert_close(some.blend(answers)[:, 0], expected)


@CASES
def test_some_arrays_are_held_out_whole_or_their_ends(case):
    extents, window, stride = case
    many = windows((extents * MANY, window, stride))
    kept, held = many.divided(0.2, seed=0)
    assert len(held.extents) == round(0.2 * len(many.extents))
    assert len(kept.extents) + len(held.extents) == len(many.extents)
    rows = {tuple(row.tolist()) for row in kept.x}
    assert rows.isdisjoint(tuple(row.tolist()) for row in held.x)
    kept, held = Windows(
        torch.arange(40.0)[:, None], None, ((40,),), (4,), (2,)
    ).divided(0.25, seed=0)
    assert kept.x[:, 0].tolist() == list(range(30))
    assert held.x[:, 0].tolist() == list(range(30, 40))
    assert windows(SERIES).arrays(1, 2).divided(0.25, seed=0)[1] is None  # too short


@CASES
def test_a_pass_draws_as_many_windows_as_cover_each_array(case):
    some = windows(case)
    known = by_hand(Windows(some.x, None, *case[:2], (1,) * len(case[1])))
    order = torch.Generator().manual_seed(0)
    batches = list(Crops(some, ALONE).shuffled(order, [3, len(some) - 3]))
    drawn = torch.cat([batch.x for batch in batches])
    assert len(drawn) == len(some)
    assert all((known == window).flatten(1).all(1).any() for window in drawn)
    again = Crops(some, ALONE).shuffled(torch.Generator().manual_seed(0), [len(some)])
    assert torch.equal(next(iter(again)).x, drawn)


def test_processes_share_the_windows_of_a_batch():
    some, sizes = windows(SERIES), [9, 8]

    def drawn(crops):
        lots = torch.Generator().manual_seed(0)
        return [batch.x for batch in crops.shuffled(lots, sizes)]

    whole = drawn(Crops(some, ALONE))
    for rank in range(2):
        crops = Crops(some, Ranks(rank, 2))
        assert crops.lengths(sizes) == [5 - rank, 4]
        for part, batch in zip(drawn(crops), whole, strict=True):
            assert torch.equal(part, batch[rank::2])
