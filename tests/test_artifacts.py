"""Model files: the same answers after loading, and no damage that goes unnoticed."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from small import PRESETS
from torch import nn

import isthmus
from isthmus import registry
from isthmus.architectures.modules import Modules
from isthmus.errors import IsthmusError, ModelFileError, RecipeError
from isthmus.storage import read_pieces

QUICK = {"epochs": 2, "verbose": 0, "validation": 0}
SMALL = {"size": 3, "hidden": (6,)}


def rows(n=40, columns=4):
    return np.random.default_rng(0).normal(size=(n, columns))


def quick(name, **keywords):
    bottleneck = {"k": 2} if name == "k_sparse" else {}
    return registry.preset(name)(**{**QUICK, **SMALL, **bottleneck, **keywords})


INNER = isthmus.Autoencoder(**SMALL, epochs=2)
EVERY = {name: quick(name) for name in PRESETS} | {
    name: registry.task(name)(autoencoder=INNER, verbose=0)
    for name in registry.names("tasks")
}


# -------------------------------------------------- there and back


@pytest.mark.filterwarnings("ignore:A code of:isthmus.errors.IsthmusWarning")
@pytest.mark.parametrize("name", EVERY)
def test_a_loaded_model_gives_the_same_bits(name, tmp_path):
    data = rows()
    data[3, 1] = np.nan
    if name == "recommender":  # who turned to what
        data = np.nan_to_num(data).clip(0)
    fitted = clone(EVERY[name])
    if name.startswith("pretrained"):  # with labels
        fitted.set_params(steps=2).fit(data, np.arange(len(data)) % 2)
    else:
        fitted.fit(data)
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded = isthmus.load(tmp_path / "a.isthmus")
    assert type(loaded) is type(fitted)
    if hasattr(fitted, "interpolate"):  # a sampler
        same = (s.sample(9, random_state=0) for s in (loaded, fitted))
        np.testing.assert_array_equal(*same, strict=True)
        return
    if name.startswith("pretrained"):
        same = loaded.predict(data), fitted.predict(data)
        np.testing.assert_array_equal(*same, strict=True)
        return
    if not hasattr(fitted, "score_samples"):  # a denoiser, a recommender
        same = loaded.transform(data), fitted.transform(data)
        np.testing.assert_array_equal(*same, strict=True)
        return
    np.testing.assert_array_equal(
        loaded.score_samples(data), fitted.score_samples(data), strict=True
    )
    for one, two in zip(loaded.explain(data), fitted.explain(data), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", PRESETS)
def test_a_loaded_model_has_the_same_parameters(name, tmp_path):
    size = {"size": 3 if name == "overcomplete" else 2}
    fitted = quick(name, **size).fit(rows())
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded = isthmus.load(tmp_path / "a.isthmus")
    assert loaded.get_params() == fitted.get_params()
    assert loaded.recipe_ == fitted.recipe_
    assert loaded.history_ == fitted.history_


def test_a_loaded_detector_draws_the_line_where_it_was(tmp_path):
    inner = isthmus.variational(**QUICK, **SMALL)
    fitted = isthmus.AnomalyDetector(
        autoencoder=inner, contamination=0.1, verbose=0, random_state=5
    ).fit(rows())
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded = isthmus.load(tmp_path / "a.isthmus")
    np.testing.assert_array_equal(loaded.predict(rows()), fitted.predict(rows()))
    assert loaded.offset_ == fitted.offset_
    assert (loaded.contamination, loaded.random_state) == (0.1, 5)


def test_saving_what_was_loaded_gives_the_same_file(saved, tmp_path):
    isthmus.save(isthmus.load(saved), tmp_path / "again.isthmus")
    assert (tmp_path / "again.isthmus").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("names", [["a", "b"], [0, 1]], ids=str)
def test_a_loaded_model_answers_in_the_frame_it_learned_from(names, tmp_path):
    frame = pd.DataFrame(rows(columns=2), columns=names)
    fitted = isthmus.linear(size=1, **QUICK).fit(frame)
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded, code = isthmus.load(tmp_path / "a.isthmus"), fitted.transform(frame)
    pd.testing.assert_frame_equal(
        loaded.inverse_transform(code), fitted.inverse_transform(code)
    )


def test_loading_leaves_the_random_state_alone(saved):
    before = torch.get_rng_state()
    isthmus.load(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_model_trains_on(saved, smallest):
    loaded = isthmus.load(saved)
    loaded.partial_fit(rows(columns=2))
    assert len(loaded.history_) == len(smallest.history_) + 1


def test_any_unzip_opens_a_model_file(saved):
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert "object.json" in archive.namelist()


def test_inspect_tells_without_building(saved):
    found = isthmus.inspect(saved)
    assert found["kind"] == "autoencoder"
    assert found["state"]["recipe"]["bottleneck"]["size"] == 1
    assert found["manifest"]["about"]["torch"] == torch.__version__


# -------------------------------------------------- networks of one's own


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x).tanh()


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 4)

    def forward(self, z):
        return self.layer(z)


@pytest.fixture(scope="module")
def own():
    pair = Modules(encoder=Encoder, decoder=Decoder)
    return isthmus.Autoencoder(architecture=pair, size=2, **QUICK).fit(rows())


@pytest.fixture
def own_file(own, tmp_path):
    isthmus.save(own, tmp_path / "own.isthmus")
    return tmp_path / "own.isthmus"


def test_own_networks_train(own):
    longer = clone(own).set_params(epochs=20).fit(rows())
    assert longer.history_[-1]["loss"] < 0.95 * longer.history_[0]["loss"]


@pytest.mark.parametrize("given", [(Encoder, Decoder), (Encoder(), Decoder())], ids=str)
def test_own_networks_are_loaded_into_what_is_passed(given, own, own_file):
    loaded = isthmus.load(own_file, encoder=given[0], decoder=given[1])
    np.testing.assert_array_equal(
        loaded.score_samples(rows()), own.score_samples(rows())
    )


@pytest.mark.parametrize("given", [{}, {"encoder": Encoder}], ids=str)
def test_own_networks_must_be_passed(given, own_file):
    with pytest.raises(ModelFileError, match=r"load\(path, encoder=MyEncoder, decoder"):
        isthmus.load(own_file, **given)


def test_other_networks_are_refused(own_file):
    with pytest.raises(IsthmusError, match=r"must answer with|take an input"):
        isthmus.load(own_file, encoder=Decoder, decoder=Encoder)


def test_networks_for_a_model_without_own_ones_are_refused(saved):
    with pytest.raises(RecipeError, match="has no networks of its own"):
        isthmus.load(saved, encoder=Encoder, decoder=Decoder)


# -------------------------------------------------- the old or the new


@pytest.mark.parametrize("step", ["os.fsync", "os.fdopen", "pathlib.Path.replace"])
@pytest.mark.parametrize("accident", [OSError("full"), KeyboardInterrupt()], ids=repr)
def test_a_failed_save_leaves_the_old_file(step, accident, saved, monkeypatch):
    old, other = saved.read_bytes(), isthmus.linear(**QUICK).fit(rows())

    def fail(*_args, **_keywords):
        raise accident

    monkeypatch.setattr(step, fail)
    with pytest.raises(type(accident)):
        isthmus.save(other, saved)
    monkeypatch.undo()
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


def test_a_save_that_the_folder_does_not_confirm_raises(saved, monkeypatch):
    other, calls, fsync = isthmus.linear(**QUICK).fit(rows()), [], os.fsync

    def fail_second(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError("full")
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", fail_second)
    with pytest.raises(OSError, match="full"):
        isthmus.save(other, saved)
    monkeypatch.undo()
    isthmus.load(saved)
    assert list(saved.parent.iterdir()) == [saved]


def test_file_then_name_then_folder_reach_the_disk_in_this_order(
    saved, smallest, monkeypatch
):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor):
        kind = "folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file"
        steps.append(kind)
        fsync(descriptor)

    def note_replace(*arguments):
        steps.append("name")
        return replace(*arguments)

    monkeypatch.setattr("os.fsync", note_fsync)
    monkeypatch.setattr("pathlib.Path.replace", note_replace)
    isthmus.save(smallest, saved)
    assert steps == ["file", "name", "folder"]


SAVING = """
    import sys
    from pathlib import Path
    from isthmus.storage import write_pieces

    path, number = Path(sys.argv[1]), 0
    while True:
        number += 1
        pieces = {f"piece {i}": bytes([number % 256]) * 2**18 for i in range(8)}
        write_pieces(path, pieces, {})
        if number == 2:
            print("go", flush=True)
"""


@pytest.mark.slow
def test_a_killed_save_never_leaves_an_unreadable_file(tmp_path):
    path, chance = tmp_path / "model.isthmus", random.Random(0)
    for _ in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SAVING), str(path)],
            stdout=subprocess.PIPE,
        )
        with child:
            child.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            child.send_signal(signal.SIGKILL)
        pieces, _ = read_pieces(path)
        assert len(set(pieces.values())) == 1  # none is mixed
