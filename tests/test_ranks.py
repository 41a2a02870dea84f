"""Several processes train what one process trains."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import together

import isthmus
from isthmus.cli.program import run

ALIKE = "memory", "stream", "texts", "frames", "early"
"""Trainings without chance, that do not depend on who takes part."""

OTHERS = "told", "timed", "noise", "online", "mixing", "short", "whole"


def rows(count=2000):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(count, 3)) @ draw.normal(size=(3, 6))
    x += 0.2 * draw.normal(size=x.shape)
    table = {f"c{j}": column for j, column in enumerate(x.T)}
    table["kind"] = draw.choice(["a", "b"], count)
    table["word"] = np.where(
        np.arange(count) < 150, "1", draw.choice(["2", "x"], count)
    )
    gaps = pa.array(x[:, 0], mask=draw.random(count) < 0.2)
    return pa.table({**table, "gaps": gaps})


def torchrun(*words, restarts=0, program=(together.__file__,)):
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    launch += ["--max-restarts", str(restarts), *program, *map(str, words)]
    alone = {"OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    done = subprocess.run(
        [sys.executable, *launch],
        env=os.environ | alone,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done


def history(path):
    return json.loads(Path(f"{path}.json").read_text())


def weights(path):
    with np.load(f"{path}.npz") as found:
        return [found[name] for name in found.files]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Every case once in this process, and once in two."""
    folder = tmp_path_factory.mktemp("ranks")
    data, one, two = (str(folder / name) for name in ("data.parquet", "one", "two"))
    pyarrow.parquet.write_table(rows(), data, row_group_size=150)
    pyarrow.parquet.write_table(rows(), f"{data}.one.parquet")
    together.run(data, one, ALIKE)
    torchrun(data, two, *ALIKE, *OTHERS)
    return folder


@pytest.mark.parametrize("case", ALIKE)
def test_two_processes_have_the_history_of_one(out, case):
    one, two = history(out / f"one.{case}.0"), history(out / f"two.{case}.0")
    assert len(one) == len(two)
    for mine, theirs in zip(one, two, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            assert theirs[name] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize("case", [*ALIKE, *OTHERS])
def test_both_processes_end_with_the_same_bits(out, case):
    first, second = (weights(out / f"two.{case}.{number}") for number in (0, 1))
    assert all(map(np.array_equal, first, second))
    first, second = (history(out / f"two.{case}.{number}") for number in (0, 1))
    assert first == second


def test_patience_ends_a_training_of_two_where_it_ends_that_of_one(out):
    assert 3 < len(history(out / "two.early.1")) < 60


def test_one_process_can_end_it_for_all(out):
    assert len(history(out / "two.told.0")) == 3


def test_time_is_over_for_all_at_once(out):
    assert len(history(out / "two.timed.0")) < 10_000


def test_noise_is_drawn_apart_and_comes_to_about_the_same(out):
    last = [history(out / f"two.{case}.0")[-1]["loss"] for case in ("noise", "stream")]
    assert np.isfinite(last).all()
    assert last[0] != last[1]


@pytest.mark.parametrize("number", [0, 1])
def test_what_looks_at_a_whole_batch_is_refused(out, number):
    text = (out / f"two.complaints.{number}").read_text().splitlines()
    assert [line.partition(":")[0] for line in text] == [
        "mlp",
        "swap_noise",
        "Training.cutoff",
    ]
    text = (out / f"two.short.{number}").read_text()
    assert "2 processes share 2,000 rows, and one of them gets none" in text


def test_a_killed_process_costs_nothing_that_was_kept(out):
    """The launcher starts both anew, and they go on from the checkpoint."""
    torchrun(out / "data.parquet", out / "elastic", "lost", restarts=1)
    assert (out / "elastic.lost").exists()
    for number in (0, 1):
        again, whole = (
            weights(out / f"elastic.lost.{number}"),
            weights(out / f"two.whole.{number}"),
        )
        assert all(map(np.array_equal, again, whole))
    assert history(out / "elastic.lost.0") == history(out / "two.whole.0")


def test_the_command_line_trains_with_two(out):
    """One file is written, one summary told, and the model is that of one process."""
    folder = out / "parts"
    folder.mkdir()
    pyarrow.parquet.write_table(rows(), folder / "a.parquet", row_group_size=300)
    words = ["fit", folder, "--epochs", 2, "--size", 2, "--ignore", "gaps"]
    told = torchrun(*words, "--out", out / "two.isthmus", program=("-m", "isthmus"))
    assert told.stderr.count("Wrote ") == 1
    assert told.stderr.count("epoch 2/2") == 1
    assert run([*map(str, words), "--quiet", "--out", str(out / "one.isthmus")]) == 0
    one, two = (isthmus.load(out / f"{name}.isthmus") for name in ("one", "two"))
    assert two.path_["processes"] == 2
    table = rows(100).drop_columns("gaps")
    np.testing.assert_allclose(
        one.score_samples(table), two.score_samples(table), rtol=1e-4
    )
    assert not list(out.glob("two.isthmus.*"))
