"""Streams: the same model from pieces as from a table at once."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pyarrow import ipc, parquet

import isthmus
from isthmus.data.files import read_table
from isthmus.data.store import Store
from isthmus.data.streams import stream, whole
from isthmus.errors import DataError
from isthmus.estimator import streams as fitting
from isthmus.trace import Batch
from isthmus.training.examples import InMemory, sizes_of

ROWS = 900


@pytest.fixture(scope="module")
def frame():
    """Cells of all kinds; the last piece alone says what some columns are."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=ROWS)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(ROWS) < 0.1, np.nan, a),
            "twice": 2 * a + 0.1 * rng.normal(size=ROWS),
            "whole": rng.integers(0, 9, ROWS),
            "word": rng.choice(["x", "y", "zz"], ROWS),
            "when": pd.date_range("2024-01-01", periods=ROWS, freq="h"),
            "written": [str(v) for v in rng.integers(0, 50, ROWS - 1)] + ["1.5"],
            "late": [None] * (ROWS - 3) + ["u", "v", "u"],
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, frame):
    folder = tmp_path_factory.mktemp("streams")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    parquet.write_table(table, folder / "all.parquet", row_group_size=200)
    for k in range(3):
        some = table.slice(300 * k, 300)
        (folder / "parts").mkdir(exist_ok=True)
        parquet.write_table(some, folder / "parts" / f"{k}.parquet")
    frame.to_csv(folder / "all.csv", index=False)
    frame.to_csv(folder / "all.csv.gz", index=False)
    with ipc.new_file(folder / "all.arrow", table.schema) as file:
        file.write_table(table, max_chunksize=250)
    with ipc.new_stream(folder / "stream.ipc", table.schema) as file:
        file.write_table(table, max_chunksize=250)
    return folder


SOURCES = ["all.parquet", "parts", "parts/*.parquet", "all.arrow", "stream.ipc"]
KNOWN = {"size": 2, "epochs": 3, "verbose": 0}


def pieces_of(frame, size):
    return lambda: (frame[i : i + size] for i in range(0, len(frame), size))


def learned(model):
    return model._converter.to_dict()


@pytest.fixture(scope="module")
def at_once(frame):
    return isthmus.Autoencoder(**KNOWN).fit(frame)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("piece", [70, 2**16])
def test_files_are_learned_as_a_table_at_once(name, piece, folder, frame, at_once):
    source = stream(folder / name, piece=piece)
    model = isthmus.Autoencoder(**KNOWN).fit(source)
    assert learned(model) == learned(at_once)
    np.testing.assert_array_equal(
        model.score_samples(source), model.score_samples(frame)
    )
    np.testing.assert_array_equal(model.transform(source), model.transform(frame))


@pytest.mark.parametrize(
    ("name", "count"),
    [("all.parquet", 5), ("parts", 3), ("all.csv", 1), ("all.arrow", 1)],
)
def test_parts_are_the_rows_in_their_order(name, count, folder):
    source = stream(folder / name, piece=70).select(["word", "number"])
    changed = source.changed(lambda table: table.rename_columns(["a", "b"]))
    for some, names in ((source, ["word", "number"]), (changed, ["a", "b"])):
        assert len(some.parts) == count
        found = pa.concat_tables(piece for part in some.parts for piece in part)
        assert found.column_names == names
        assert found.equals(pa.concat_tables(some))


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz"])
@pytest.mark.parametrize("block", [300, 2**24])
def test_csv_is_learned_as_a_table_at_once(name, block, folder, monkeypatch):
    monkeypatch.setattr("isthmus.data.delimited._BLOCK", block)
    table = read_table(folder / name)
    at_once = isthmus.Autoencoder(**KNOWN).fit(table)
    model = isthmus.Autoencoder(**KNOWN).fit(stream(folder / name, piece=50))
    assert learned(model) == learned(at_once)
    np.testing.assert_array_equal(
        model.score_samples(folder / name), model.score_samples(table)
    )


@pytest.mark.parametrize("size", [7, 250, 5000])
def test_frames_of_a_function_are_learned_as_one(size, frame, at_once):
    model = isthmus.Autoencoder(**KNOWN).fit(stream(pieces_of(frame, size)))
    assert learned(model) == learned(at_once)


def test_columns_of_frames_of_any_kind_are_selected(frame):
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    for made in (frame, arrow):
        some = stream(lambda made=made: iter([made])).select(["whole", "word"])
        assert whole(some).to_pydict() == arrow.select(["whole", "word"]).to_pydict()


def test_addresses_are_opened_by_their_file_system(folder, at_once):
    for name in ("all.parquet", "parts"):
        source = stream(f"file://{folder / name}")
        assert learned(isthmus.Autoencoder(**KNOWN).fit(source)) == learned(at_once)


def test_a_memory_map_is_learned_as_an_array(tmp_path):
    x = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    source = stream(mapped, piece=64)
    model = isthmus.Autoencoder(**KNOWN).fit(source)
    assert learned(model) == learned(isthmus.Autoencoder(**KNOWN).fit(x))
    np.testing.assert_array_equal(model.score_samples(source), model.score_samples(x))


def test_pieces_do_not_change_the_model(folder):
    models = [
        isthmus.Autoencoder(**KNOWN).fit(stream(folder / "all.parquet", piece=n))
        for n in (33, 2**16)
    ]
    one, two = (model.module_.state_dict() for model in models)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert models[0].history_ == models[1].history_


def test_validation_rows_are_a_share_and_limited(folder, monkeypatch):
    seen = []
    stored = fitting.stored
    monkeypatch.setattr(
        fitting, "stored", lambda *a: seen.append(stored(*a)) or seen[-1]
    )
    fit = isthmus.Autoencoder(**KNOWN).fit
    fit(folder / "all.parquet")
    fit(folder / "all.parquet", validation=folder / "all.csv")
    monkeypatch.setattr(fitting, "MOST_CHECKED", 20)
    fit(folder / "all.parquet")
    (data, held), (every, none), (_, few) = seen
    assert len(data) + len(held) == ROWS
    assert 60 < len(held) < 120
    assert len(every) == ROWS
    assert none is None
    assert 5 < len(few) < 40


def test_wishes_are_heard(folder):
    wishes = {"columns": {"whole": "category", "written": "category"}}
    model = isthmus.Autoencoder(**KNOWN, **wishes).fit(folder / "all.parquet")
    table = parquet.read_table(folder / "all.parquet")
    assert learned(model) == learned(isthmus.Autoencoder(**KNOWN, **wishes).fit(table))


# ----------------------------------------------------------------------- detectors


def test_a_detector_of_a_small_stream_is_that_of_its_rows(folder):
    some = {"effort": "fast", "verbose": 0, "fpr": 0.05}
    table = parquet.read_table(folder / "all.parquet")
    one = isthmus.AnomalyDetector(**some).fit(folder / "all.parquet")
    two = isthmus.AnomalyDetector(**some).fit(table)
    source = stream(folder / "all.parquet", piece=100)
    np.testing.assert_array_equal(one.score_samples(source), two.score_samples(table))
    np.testing.assert_array_equal(one.predict(source), two.predict(table))
    np.testing.assert_array_equal(one.p_values(source), two.p_values(table))
    assert one.offset_ == two.offset_


def test_a_detector_of_a_large_stream_learns_some_of_its_rows(folder, monkeypatch):
    monkeypatch.setattr(fitting, "MOST_CELLS", 7 * 300)
    fitted = isthmus.AnomalyDetector(effort="fast", verbose=0).fit(folder / "parts")
    assert 240 < fitted.calibration_.rows < 360


def test_the_rows_drawn_do_not_depend_on_pieces(folder):
    tables = [
        whole(stream(folder / "all.parquet", piece=n), cells=7 * 100) for n in (11, 999)
    ]
    assert tables[0].equals(tables[1])
    assert 70 < len(tables[0]) < 130


# -------------------------------------------------------------------------- stores


@pytest.mark.parametrize("missing", [False, True])
def test_a_store_gives_back_every_row_once_a_pass(missing, monkeypatch):
    monkeypatch.setattr("isthmus.data.store.BUCKET", 400)
    x = torch.arange(330.0).reshape(110, 3)
    visible = (x % 7 > 0).float() if missing else None
    store = Store((3,), 110, missing=missing, seed=0)
    for start in range(0, 110, 17):
        store.append(Batch(x, visible).slice(start, start + 17))
    store.finish()
    assert len(store.sizes) > 3
    order, sizes = torch.Generator().manual_seed(0), sizes_of(110, 16)
    passes = [list(store.shuffled(order, sizes)) for _ in range(2)]
    for batches in passes:
        assert [len(batch) for batch in batches] == sizes
        rows = torch.cat([batch.x for batch in batches])
        found = rows[:, 0].argsort()
        assert torch.equal(rows[found], x)
        if missing:
            assert torch.equal(torch.cat([b.visible for b in batches])[found], visible)
    assert not torch.equal(passes[0][0].x, passes[1][0].x)


def test_an_order_from_a_disk_is_as_good_as_any(monkeypatch):
    """Mean distance of neighbours in a pass: that of a random order is a third."""
    monkeypatch.setattr("isthmus.data.store.BUCKET", 4 * 500)
    x = torch.arange(5000.0).reshape(-1, 1)
    store = Store((1,), 5000, missing=False, seed=0)
    store.append(Batch(x))
    sizes = sizes_of(5000, 100)
    for data in (store.finish(), InMemory(Batch(x))):
        order = torch.Generator().manual_seed(0)
        rows = torch.cat([batch.x for batch in data.shuffled(order, sizes)])[:, 0]
        assert abs(rows.diff().abs().mean() / 5000 - 1 / 3) < 0.01


# -------------------------------------------------------------------------- faults


def test_a_full_disk_is_told():
    store = Store((3,), 10, missing=False, seed=0)
    store.files[0].close()
    with Path("/dev/full").open("wb", buffering=0) as full:
        store.files[0] = full
        with pytest.raises(DataError, match="name a larger place in TMPDIR"):
            store.append(Batch(torch.zeros(100_000, 3)))


def test_what_cannot_be_gone_through_twice_is_refused(frame):
    with pytest.raises(DataError, match="a function that returns a fresh iterator"):
        stream(iter([frame]))
    with pytest.raises(DataError, match="no rows"):
        isthmus.Autoencoder(**KNOWN).fit(stream(lambda: iter(())))
    with pytest.raises(DataError, match="two rows or more"):
        isthmus.Autoencoder(**KNOWN).fit(stream(pieces_of(frame[:1], 5)))


def test_a_column_that_changes_its_kind_is_named():
    def pieces():
        yield pd.DataFrame({"a": [1.0, 2.0], "b": [1, 2]})
        yield pd.DataFrame({"a": pd.to_datetime(["2024-01-01"] * 2), "b": [1, 2]})

    with pytest.raises(DataError, match="'a' holds float in one piece and datetime"):
        isthmus.Autoencoder(**KNOWN).fit(stream(pieces))


def test_numbers_may_become_wider_from_piece_to_piece():
    def pieces():
        yield pd.DataFrame({"a": [1, 2, 3], "b": [True, False, True]})
        yield pd.DataFrame({"a": [1.5, None, 2.0], "b": [1.0, 7.0, 2.0]})

    model = isthmus.Autoencoder(**KNOWN).set_params(size=1).fit(stream(pieces))
    assert [found.type for found in model.columns_] == ["float", "float"]


@pytest.mark.parametrize(
    ("name", "told"),
    [("none.parquet", "no such file"), ("empty", "no Parquet, CSV or Arrow file")],
)
def test_files_that_are_not_there_are_named(name, told, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=told):
        stream(tmp_path / name)


def test_files_that_differ_are_named(tmp_path):
    for name, columns in (("a", ["x", "y"]), ("b", ["x", "z"])):
        table = pa.table({key: [1.0, 2.0] for key in columns})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match=r"b.parquet: differs from .*\['y', 'z'\]"):
        stream(tmp_path)
    (tmp_path / "c.csv").write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="several kinds: csv, parquet"):
        stream(tmp_path)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match=r"a\.parquet"):
        stream(tmp_path / "a.parquet")


def test_rows_of_csv_end_outside_of_quotes(tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.data.delimited._BLOCK", 64)
    words = [f'a\n{"b" * (i % 40)},"{i}' for i in range(200)]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["n", "word"], *enumerate(words)])
    table = whole(stream(tmp_path / "t.csv"))
    assert table["word"].to_pylist() == words
    assert table["n"].to_pylist() == list(range(200))
