"""Answers are the same to the last bit, wherever they are computed."""

import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from engines import ON_RAY
from pyarrow import parquet

import isthmus
from isthmus.cluster import Answers, dask, ray, spark
from isthmus.cluster.answers import ROWS
from isthmus.errors import DataError, IsthmusError, MissingExtraError, RecipeError

COUNT = 2 * ROWS + 500
KEPT = ["name", "when"]


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(COUNT, 2)) @ rng.normal(size=(2, 4))
    x[rng.random(x.shape) < 0.01] = np.nan
    columns = {f"c{j}": x[:, j] for j in range(4)}
    columns["kind"] = rng.choice(["a", "b", None], COUNT)
    columns["name"] = [f"r{i}" for i in range(COUNT)]
    columns["when"] = pd.date_range("2024-01-01", periods=COUNT, freq="min")
    return pa.table(columns)


@pytest.fixture(scope="module")
def rows(table):
    """Without the columns that the model does not know."""
    return table.drop_columns(KEPT)


@pytest.fixture(scope="module")
def model(rows):
    made = isthmus.AnomalyDetector(effort="fast", verbose=0)
    return made.fit(rows.slice(0, 400))


@pytest.fixture(scope="module")
def answers(model):
    return Answers(model, keep=KEPT, fpr=0.01)


@pytest.fixture(scope="module")
def expected(model, table, rows):
    """From the model itself, without a line of the package that is tested."""
    kept = {name: table[name] for name in KEPT}
    return pa.table(
        {
            **kept,
            "score": model.score_samples(rows),
            "p_value": model.p_values(rows),
            "outlier": (model.predict(rows, fpr=0.01) == -1).astype(int),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    """The same rows in two files, of several row groups."""
    folder = tmp_path_factory.mktemp("cluster")
    half = COUNT // 2
    for k in range(2):
        some = table.slice(k * half, half)
        parquet.write_table(some, folder / f"{k}.parquet", row_group_size=5000)
    return folder


# ------------------------------------------------------------------ the pure function


def test_answers_are_those_of_the_model(answers, table, expected):
    assert answers(table).equals(expected)
    assert answers.schema(table.schema) == expected.schema


@pytest.mark.parametrize("size", [1, 700, ROWS])
def test_a_batch_is_answered_as_the_whole(answers, table, expected, size):
    some = table.slice(ROWS - 1, 2 * size).to_batches(max_chunksize=size)
    found = pa.concat_tables(answers(batch) for batch in some)
    assert found.equals(expected.slice(ROWS - 1, 2 * size))


def test_no_rows_have_no_answers(answers, table, expected):
    assert answers(table.slice(0, 0)).equals(expected.slice(0, 0))


def test_codes_are_columns(model, table, rows):
    answers = Answers(model, wanted=["code"])
    assert answers.keep == ()
    found = answers(table.slice(0, 300))
    z = model.autoencoder_.transform(rows.slice(0, 300))
    assert found.column_names == [f"z{j}" for j in range(z.shape[1])]
    assert found.schema == answers.schema(table.schema)
    np.testing.assert_array_equal(np.column_stack(list(found)), z)


def test_an_autoencoder_answers_with_scores(rows):
    x = np.column_stack([rows[f"c{j}"] for j in range(4)])[:300]
    model = isthmus.Autoencoder(size=2, epochs=1, verbose=0).fit(x)
    answers = Answers(model, keep=["place"])
    table = pa.table({f"any{j}": x[:, j] for j in range(4)} | {"place": range(300)})
    found = answers(table)
    assert found.column_names == ["place", "score"]
    np.testing.assert_array_equal(found["score"], model.score_samples(x))


def test_a_file_and_a_model_answer_alike(model, answers, table, tmp_path):
    isthmus.save(model, tmp_path / "m.isthmus")
    again = Answers(tmp_path / "m.isthmus", keep=KEPT, fpr=0.01)
    (tmp_path / "m.isthmus").unlink()  # it is not needed any more
    assert again(table.slice(0, 50)).equals(answers(table.slice(0, 50)))


def test_it_travels_as_the_bytes_of_a_file(answers, table, tmp_path):
    sent = pickle.dumps(answers)
    assert b"torch" not in sent.replace(answers._sealed, b"")
    parquet.write_table(table.slice(0, 50), tmp_path / "t.parquet")
    (tmp_path / "answers").write_bytes(sent)
    script = """
import pickle, sys
from pathlib import Path
import pyarrow.parquet as parquet
answers = pickle.loads(Path("answers").read_bytes())
parquet.write_table(answers(parquet.read_table("t.parquet")), "found.parquet")
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    found = parquet.read_table(tmp_path / "found.parquet")
    assert found.equals(answers(table.slice(0, 50)))


def test_a_process_loads_a_model_once(answers, table, monkeypatch):
    answers(table.slice(0, 5))
    again = pickle.loads(pickle.dumps(answers))
    monkeypatch.setattr("isthmus.cluster.answers.load", None)
    assert again(table.slice(0, 5)).equals(answers(table.slice(0, 5)))


def test_what_there_is_not_is_refused(model, rows):
    plain = isthmus.Autoencoder(size=2, epochs=1, verbose=0).fit(rows.slice(0, 50))
    alone = isthmus.AnomalyDetector(autoencoder=plain).fit(rows.slice(0, 50))
    alone.calibration_ = None
    with pytest.raises(RecipeError, match="no answer 'scores'. Did you mean 'score'?"):
        Answers(model, wanted=["scores"])
    for asked in ({"wanted": ["outlier"]}, {"fpr": 0.1}):
        with pytest.raises(RecipeError, match="need an AnomalyDetector"):
            Answers(plain, **asked)
    with pytest.raises(RecipeError, match="an answer is called 'score', too"):
        Answers(plain, keep=["score"])
    assert Answers(alone).wanted == ("score", "outlier")
    with pytest.raises(DataError, match="calibrate"):
        Answers(alone, wanted=["p_value"])
    with pytest.raises(DataError, match="calibrate"):
        Answers(alone, fpr=0.1)


def test_columns_that_are_not_there_are_named(model, answers, table):
    with pytest.raises(DataError, match="keep: There is no column 'nome'"):
        Answers(model, keep=["nome"])(table)
    with pytest.raises(DataError, match="missing: 'c1'"):
        answers(table.drop_columns("c1"))


# ------------------------------------------------------------------------------- Ray


def gathered(dataset):
    batches = dataset.iter_batches(batch_size=None, batch_format="pyarrow")
    return pa.concat_tables(list(batches))


@ON_RAY
def test_ray_answers_alike_and_in_order(answers, table, expected, folder):
    stream = isthmus.stream(folder)
    assert len(stream.parts) == 8
    for rows in (table, stream):
        for workers in (None, 1):
            assert gathered(ray.answer(rows, answers, workers=workers)) == expected


@ON_RAY
def test_ray_answers_a_dataset_of_its_own(answers, expected, folder, tmp_path):
    from ray.data import read_parquet

    found = ray.answer(read_parquet(str(folder)), answers)
    found.write_parquet(str(tmp_path / "out"))
    written = parquet.read_table(tmp_path / "out").sort_by("when")
    assert written.cast(expected.schema) == expected


@ON_RAY
def test_errors_of_workers_are_ours(answers, table):
    with pytest.raises(DataError, match=r"missing: 'c1'.*agree\.$"), ray.started():
        ray.answer(table.drop_columns("c1"), answers).materialize()


@ON_RAY
def test_nobody_without_the_token_is_let_in():
    from ray import get_runtime_context

    address = get_runtime_context().gcs_address
    script = f"from ray._raylet import GcsClient; GcsClient({address!r})"
    known = dict(os.environ)
    others = {name: v for name, v in known.items() if not name.startswith("RAY_AUTH")}
    guessed = known | {"RAY_AUTH_TOKEN": 8 * "guessed"}
    for found, code in ((known, 0), (others, 1), (guessed, 1)):
        words = [sys.executable, "-c", script]
        done = subprocess.run(words, env=found, capture_output=True, check=False)
        assert done.returncode == code, done.stderr
    assert b"InvalidAuthToken" in done.stderr


def test_ray_that_lets_everybody_in_is_not_started(monkeypatch):
    class Other:
        is_initialized = staticmethod(lambda: False)

    monkeypatch.setitem(sys.modules, "ray", Other)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(IsthmusError, match="RAY_AUTH_MODE=token"), ray.started():
        pass


# --------------------------------------------------------------------- Dask and Spark


def test_dask_answers_alike(answers, table, expected):
    frames = pytest.importorskip("dask.dataframe")
    frame = table.to_pandas().set_index(pd.RangeIndex(7, COUNT + 7))
    found = dask.answer(frames.from_pandas(frame, npartitions=3), answers)
    assert list(found.columns) == expected.column_names
    made = found.compute(scheduler="processes", num_workers=2)
    assert (made.dtypes == found.dtypes).all()
    pd.testing.assert_frame_equal(made, expected.to_pandas().set_index(frame.index))


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas")
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
def test_spark_answers_alike(answers, table, expected, monkeypatch):
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC"}
    made = sql.SparkSession.builder.master("local[2]").config(map=settings)
    session = made.getOrCreate()
    try:
        frame = session.createDataFrame(table).repartition(3)
        found = spark.answer(frame, answers).toArrow().sort_by("when")
    finally:
        session.stop()
    assert found.cast(expected.schema) == expected


@pytest.mark.parametrize("name", ["ray", "dask", "spark"])
def test_an_engine_that_is_not_there_says_how_to_get_it(name, answers, monkeypatch):
    for module in ("ray", "ray.data", "dask.dataframe", "pyspark.sql.pandas.types"):
        monkeypatch.setitem(sys.modules, module, None)
    engine = {"ray": ray, "dask": dask, "spark": spark}[name]
    with pytest.raises(MissingExtraError, match=rf"pip install 'isthmus\[{name}\]'"):
        engine.answer(None, answers)
