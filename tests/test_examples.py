"""The examples find what was put into their tables, and draw it."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = {
    path.stem: str(path)
    for path in (Path(__file__).resolve().parent.parent / "examples").glob("*.py")
}


@pytest.fixture
def found(request, tmp_path, capsys):
    """What an example returns, once it has drawn its picture and said so."""
    name = request.param
    answer = runpy.run_path(EXAMPLES[name])["main"](tmp_path / "new")
    picture = tmp_path / "new" / f"{name}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.endswith(f"wrote {picture}\n")
    return answer


@pytest.mark.parametrize("found", ["anomalies"], indirect=True)
def test_malignant_tumours_are_found(found, tmp_path):
    area, malignant, benign = found
    assert area > 0.95
    assert malignant > 0.6
    assert benign < 0.12  # 5 % of 108 were asked for
    reasons = tmp_path / "new" / "reasons.png"
    assert reasons.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("found", ["fraud"], indirect=True)
def test_frauds_come_first(found):
    precision, chance = found
    assert chance < 0.01
    assert precision > 30 * chance


@pytest.mark.parametrize("found", ["sensors"], indirect=True)
def test_faulty_sensors_are_found_and_named(found):
    assert set(found.columns) == {"temperature", "pressure"}
    assert (found.loc["found"] > 0.4).all()
    assert (found.loc["named"] > 0.9).all()


@pytest.mark.parametrize("found", ["survey"], indirect=True)
def test_people_lie_near_their_like(found):
    apart, mistyped = found
    assert apart > 0.85  # two in five are commuters, the largest group
    assert mistyped > 0.2  # one answer in 700 was


@pytest.mark.parametrize("found", ["images"], indirect=True)
def test_digits_are_cleaned_told_apart_and_judged(found, tmp_path):
    assert found["left"] < 0.6  # of the noise that was put in
    assert found["told"] > 0.8  # one in ten would be by chance
    assert found["area"] > 0.95
    smudged = tmp_path / "new" / "smudged.png"
    assert smudged.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("found", ["series"], indirect=True)
def test_faults_of_a_boiler_are_found(found):
    shares, others = found
    assert set(shares.index) == {"water", "gas"}
    assert (shares > 0.6).all()
    assert others < 0.03  # 1 % was asked for


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_program(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(EXAMPLES[name], run_name="__main__")
    assert done.value.code == 0
    assert "--out" in capsys.readouterr().out


def test_every_example_is_tested():
    known = {"anomalies", "fraud", "images", "sensors", "series", "survey"}
    assert set(EXAMPLES) == known
