"""A training that is interrupted goes on to the weights of one that is not."""

import numpy as np
import pytest
import torch

import isthmus
from isthmus.architectures.mlp import Mlp
from isthmus.errors import ModelFileError
from isthmus.training import Training, checkpoint

ROWS = np.random.default_rng(0).normal(size=(200, 6)) @ np.ones((6, 6))
ROWS += 0.3 * np.random.default_rng(1).normal(size=ROWS.shape)


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)


class StoppedError(Exception):
    pass


def stop_after(number):
    def callback(epoch):
        if epoch.number == number:
            raise StoppedError

    return callback


def estimator(**changed):
    known = {"size": 2, "epochs": 12, "batch_size": 32, "verbose": 0}
    return isthmus.denoising(**(known | changed))


def same(one, other):
    first, second = one.module_.state_dict(), other.module_.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert one.history_ == other.history_


@pytest.mark.parametrize("rule", ["adam", "adamw", "rmsprop", "sgd", "nadam"])
@pytest.mark.parametrize("stops", [[1], [5], [3, 4, 11]])
def test_an_interrupted_training_gives_the_same_bits(rule, stops, tmp_path):
    """Order, noise, schedule, rule, averages of batch norm, all go on."""
    some = {
        "training": Training(optimizer=rule, learning_rate=1e-2, patience=0),
        "architecture": Mlp(hidden=(8,), norm="batch", dropout=0.1),
    }
    whole = estimator(**some).fit(ROWS)
    path = tmp_path / "checkpoint"
    for number in stops:
        broken = estimator(**some, callbacks=(stop_after(number + 1),))
        with pytest.raises(StoppedError):
            broken.fit(ROWS, checkpoint=path)
    same(whole, estimator(**some).fit(ROWS, checkpoint=path))


def test_patience_goes_on(tmp_path):
    some = {"epochs": 60, "training": Training(patience=3, learning_rate=3e-2)}
    whole = estimator(**some).fit(ROWS)
    assert 5 < len(whole.history_) < 60
    path = tmp_path / "checkpoint"
    stopped = estimator(**some, callbacks=(stop_after(len(whole.history_) - 1),))
    with pytest.raises(StoppedError):
        stopped.fit(ROWS, checkpoint=path)
    same(whole, estimator(**some).fit(ROWS, checkpoint=path))


def test_a_training_that_is_over_is_not_gone_on_with(tmp_path):
    path = tmp_path / "checkpoint"
    whole = estimator().fit(ROWS, checkpoint=path)
    calls = []
    again = estimator(callbacks=(calls.append,)).fit(ROWS, checkpoint=path)
    same(whole, again)
    assert not calls


def test_a_stream_goes_on(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    source = isthmus.stream(np.load(tmp_path / "x.npy", mmap_mode="r"), piece=30)
    whole = estimator().fit(source)
    with pytest.raises(StoppedError):
        estimator(callbacks=(stop_after(5),)).fit(source, checkpoint=tmp_path / "c")
    same(whole, estimator().fit(source, checkpoint=tmp_path / "c"))


@pytest.mark.parametrize(
    "other",
    [
        lambda path: estimator(size=3).fit(ROWS, checkpoint=path),
        lambda path: estimator(random_state=1).fit(ROWS, checkpoint=path),
        lambda path: estimator().fit(ROWS[:150], checkpoint=path),
    ],
    ids=["parts", "seed", "rows"],
)
def test_a_checkpoint_of_another_training_is_refused(other, tmp_path):
    estimator().fit(ROWS, checkpoint=tmp_path / "c")
    with pytest.raises(ModelFileError, match="is of another training"):
        other(tmp_path / "c")


def test_other_settings_are_refused(tmp_path):
    estimator().fit(ROWS, checkpoint=tmp_path / "c")
    with pytest.raises(ModelFileError, match="had other settings then"):
        estimator(epochs=13).fit(ROWS, checkpoint=tmp_path / "c")


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "c"
    estimator().fit(ROWS, checkpoint=path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="damaged"):
        estimator().fit(ROWS, checkpoint=path)


def test_checkpoints_are_written_now_and_then(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 1000.0)
    seen = []
    written = checkpoint.write_pieces
    monkeypatch.setattr(
        checkpoint, "write_pieces", lambda *a: (seen.append(a), written(*a))
    )
    estimator().fit(ROWS, checkpoint=tmp_path / "c")
    assert len(seen) == 2  # after the first epoch, and after the last


@pytest.mark.parametrize("preset", [None, "vector_quantized"])
def test_replicas_go_on(preset, tmp_path, monkeypatch):
    """In one batched step, and one after the other where they cannot be stacked."""
    monkeypatch.setattr("isthmus.training.replicas.ROUNDS", 5)
    own = {"autoencoder": getattr(isthmus, preset)(size=2, epochs=5)} if preset else {}
    some = {"effort": "fast", "folds": 3, "verbose": 0, **own}
    whole = isthmus.AnomalyDetector(**some).fit(ROWS)
    written, seen = checkpoint.Checkpoint.write, []

    def stopped(self, *args):
        seen.append(written(self, *args))
        if len(seen) == (7 if preset else 3):
            raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Checkpoint, "write", stopped)
        with pytest.raises(StoppedError):
            isthmus.AnomalyDetector(**some).fit(ROWS, checkpoint=tmp_path / "c")
    rest = isthmus.AnomalyDetector(**some).fit(ROWS, checkpoint=tmp_path / "c")
    np.testing.assert_array_equal(whole.score_samples(ROWS), rest.score_samples(ROWS))
    assert whole.autoencoder_.history_ == rest.autoencoder_.history_
