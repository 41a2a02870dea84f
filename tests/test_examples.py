"""The examples find what was put into their tables, and draw it."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = {
    path.stem: str(path)
    for path in (Path(__file__).resolve().parent.parent / "examples").glob("*.py")
}


@pytest.fixture
def found(request, tmp_path, capsys):
    """What an example returns, once it has drawn its picture and said so."""
    name = request.param
    if name == "compression":
        pytest.importorskip("constriction")
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


@pytest.mark.parametrize("found", ["images"], indirect=True)
def test_pictures_lose_noise_and_odd_ones_are_found(found):
    told, left, odd = found
    assert told > 0.75
    assert left < 0.6
    assert odd > 0.8


@pytest.mark.parametrize("found", ["audio"], indirect=True)
def test_songs_are_told_apart_and_lose_noise(found, tmp_path):
    told, left = found
    assert told > 0.85
    assert left < 0.3
    assert (tmp_path / "new" / "cleaned.wav").stat().st_size > 4000


@pytest.mark.parametrize("found", ["recommend"], indirect=True)
def test_strangers_get_films_of_the_genres_they_see(found):
    right, recall = found
    assert right > 0.8
    assert recall > 0.3


@pytest.mark.parametrize("found", ["search"], indirect=True)
def test_a_search_finds_a_recipe_for_weather_vanes(found, tmp_path):
    default, best = found
    assert best < 0.7 * default
    assert "[bottleneck]" in (tmp_path / "new" / "best.toml").read_text()


@pytest.mark.parametrize("found", ["counts"], indirect=True)
def test_kinds_of_cells_are_found(found):
    assert found > 0.9


@pytest.mark.parametrize("found", ["series"], indirect=True)
def test_a_sensor_that_sticks_is_flagged(found):
    fault, right = found
    assert fault > 0.6
    assert right > 0.2


@pytest.mark.parametrize("found", ["sampling"], indirect=True)
def test_made_tumours_teach_the_diagnosis(found):
    made, real, memorised = found
    assert made > 0.85 > real - 0.15
    assert memorised == 0


@pytest.mark.parametrize("found", ["fraud"], indirect=True)
def test_frauds_come_first(found):
    precision, chance = found
    assert chance < 0.01
    assert precision > 30 * chance


@pytest.mark.parametrize("found", ["impute"], indirect=True)
def test_who_is_silent_is_made_up_for(found):
    known, filled, margin = found
    assert known > 30  # the mean of those who told their rent is too low by this
    assert abs(filled) < margin < 20


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


@pytest.mark.parametrize("found", ["codes"], indirect=True)
def test_a_price_makes_entries_mean_one_thing(found):
    plain, strong, alike = found
    assert strong > plain + 0.05
    assert alike > 0.7


@pytest.mark.parametrize("found", ["compression"], indirect=True)
def test_readings_are_small_and_near(found):
    share, worst = found
    assert share < 0.4
    assert 0.5 < worst <= 1


@pytest.mark.parametrize("found", ["audio"], indirect=True)
def test_songs_are_told_and_cleaned(found):
    told, left = found
    assert told > 0.8
    assert left < 0.3


@pytest.mark.parametrize("found", ["text"], indirect=True)
def test_topics_are_the_subjects(found):
    words, alike = found
    assert words > 0.8
    assert alike > 0.8


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_program(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(EXAMPLES[name], run_name="__main__")
    assert done.value.code == 0
    assert "--out" in capsys.readouterr().out


def test_every_example_is_tested():
    tested = {
        "anomalies",
        "audio",
        "codes",
        "compression",
        "counts",
        "fraud",
        "images",
        "impute",
        "pretraining",
        "recommend",
        "sampling",
        "search",
        "sensors",
        "series",
        "survey",
        "text",
    }
    assert set(EXAMPLES) == tested


@pytest.mark.parametrize("found", ["pretraining"], indirect=True)
def test_few_labels_go_far(found):
    ours, theirs = found
    assert min(np.subtract(ours, theirs)) > 0
    assert ours[0] > 0.75


@pytest.mark.parametrize("found", ["text"], indirect=True)
def test_messages_fall_into_their_subjects(found):
    right, same = found
    assert right > 0.95
    assert same > 0.9
