"""An engine writes the very file that one process writes."""

import pyarrow.csv
import pyarrow.parquet
import pytest
from engines import ON_RAY
from terminal import ANOMALY, NAMES, ask, fit

import isthmus
from isthmus.cli.program import run

QUESTIONS = {
    "all": [],
    "fpr": ["--fpr", "0.1", "--explain"],
    "fdr": ["--fdr", "0.3"],
    "top": ["--top", "3"],
}


@ON_RAY
@pytest.mark.filterwarnings("ignore:No row is flagged")
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("case", ["data.csv", "data.parquet", "in pieces"])
def test_ray_writes_the_same(name, case, folder, capfd, request):
    tmp_path = request.getfixturevalue("tmp_path")
    file = "data.parquet" if case == "in pieces" else case
    words = ["score", folder / "anomaly.isthmus", folder / file, *QUESTIONS[name]]
    suffix = file.partition(".")[2]
    alone, spread = (tmp_path / f"{k}.{suffix}" for k in ("alone", "spread"))
    if case == "in pieces":
        request.getfixturevalue("in_pieces")
    ask(capfd, *words, "--out", alone)
    ask(capfd, *words, "--out", spread, "--engine", "ray", "--workers", "2")
    assert spread.read_bytes() == alone.read_bytes()
    assert sorted(tmp_path.iterdir()) == [alone, spread]


@ON_RAY
def test_ray_trains_what_one_process_trains(folder, tmp_path, capfd):
    """Losses to 1e-5, with one file written and nothing left beside it."""
    rows = tmp_path / "rows"
    rows.mkdir()
    table = pyarrow.csv.read_csv(folder / "data.csv").select(NAMES)
    pyarrow.parquet.write_table(table, rows / "a.parquet", row_group_size=30)
    words = ["fit", "rows", "--epochs", "2", "--size", "2", "--quiet", "--out"]
    alone, spread = (tmp_path / f"{name}.isthmus" for name in ("alone", "spread"))
    ask(capfd, *words, alone)
    ask(capfd, *words, spread, "--engine", "ray", "--workers", "2")
    one, two = isthmus.load(alone), isthmus.load(spread)
    assert two.path_["processes"] == 2
    for mine, theirs in zip(one.history_, two.history_, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)
    assert sorted(tmp_path.iterdir()) == [alone, rows, spread]


@ON_RAY
@pytest.mark.slow
def test_what_workers_refuse_is_said_in_a_sentence(folder, tmp_path, capfd):
    words = ["fit", folder / "data.csv", "--preset", "wasserstein", "--engine", "ray"]
    assert run([*map(str, words), "--workers", "2"]) == 2
    told = capfd.readouterr().err
    assert "Error: mmd: looks at a whole batch" in told
    assert not list(tmp_path.iterdir())


@ON_RAY
def test_an_engine_trains_no_replicas(folder, capfd):
    words = [*fit(folder, *ANOMALY), "--quiet", "--engine", "ray", "--workers", "2"]
    assert run(list(map(str, words))) == 2
    assert "Several workers train an Autoencoder" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "spork"], "'spork' is not known. Known: ray"),
        (["--workers", "2"], "--workers needs --engine"),
    ],
)
def test_engines_that_there_are_not_are_refused(words, said, folder, capfd):
    asked = ["score", folder / "anomaly.isthmus", folder / "data.csv", *words]
    assert run(list(map(str, asked))) == 2
    assert said in " ".join(capfd.readouterr().err.split())
