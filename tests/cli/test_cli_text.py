"""Texts on the command line."""

import csv
import io
import json

import pandas as pd
import pytest

import isthmus
from isthmus.cli.program import run

SUBJECTS = [
    "goal match team player coach league score win",
    "bank market share profit price trade growth rate",
]
TEXTS = [" ".join([*words.split()[k:], "year"]) for k in range(3) for words in SUBJECTS]
TEXTS *= 10


@pytest.fixture
def reviews(tmp_path):
    """Texts, their subjects and numbers, in a file."""
    with (tmp_path / "reviews.csv").open("w", newline="") as file:
        rows = [(k, text, k % 2) for k, text in enumerate(TEXTS)]
        csv.writer(file).writerows([("number", "review", "subject"), *rows])
    return str(tmp_path / "reviews.csv")


def test_a_column_of_texts_has_topics(reviews, capsys):
    words = ["--kind", "text", "--column", "review", "--preset", "topics"]
    more = ["--size", "2", "--epochs", "2", "--label", "subject", "--id", "number"]
    assert run(["fit", reviews, *words, *more, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = sorted(
        sorted(set(topic) & set(SUBJECTS[0].split())) for topic in told["topics"]
    )
    assert sorted(map(len, found)) == [2, 8]  # ten words of each, of 16
    assert run(["topics", "model.isthmus", "--picture", "topics.png", "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run(["encode", "model.isthmus", reviews, "--picture", "map.png"]) == 0
    assert run(["info", "model.isthmus"]) == 0
    assert "text" in capsys.readouterr().out


def test_lines_of_a_file_are_taken_for_texts(tmp_path, capsys):
    (tmp_path / "docs.txt").write_text("\n".join(TEXTS))
    path = str(tmp_path / "docs.txt")
    assert run(["fit", path, "--epochs", "1"]) == 0
    told = capsys.readouterr().err
    assert "Read as text: each 'text' is a document" in told
    assert "60 texts, 16 words -> 8 code entries" in told
    assert run(["encode", "model.isthmus", path]) == 0
    codes = capsys.readouterr().out.splitlines()
    assert len(codes) == 61
    model = isthmus.load("model.isthmus")
    assert model.transform(TEXTS[:1])[0, 0] == pytest.approx(
        float(codes[1].split(",")[1])
    )


def test_bad_text_is_refused_with_exit_code_three(tmp_path, reviews, capsys):
    (tmp_path / "bad.txt").write_bytes(b"one\ncaf\xe9 au lait\n")
    assert run(["fit", str(tmp_path / "bad.txt")]) == 3
    assert "bad.txt: line 2: invalid continuation byte" in capsys.readouterr().err
    assert run(["fit", reviews, "--kind", "text"]) == 3
    assert "terminal --column. There are 'number'" in capsys.readouterr().err
    assert run(["fit", reviews, "--kind", "images", "--column", "review"]) == 2


def test_texts_are_rebuilt_and_judged_word_by_word(reviews, capsys):
    words = ["--kind", "text", "--column", "review", "--epochs", "1"]
    assert run(["fit", reviews, *words, "--label", "subject", "--id", "number"]) == 0
    assert run(["reconstruct", "model.isthmus", reviews, "--out", "rebuilt.csv"]) == 0
    rebuilt = pd.read_csv("rebuilt.csv")
    assert set(SUBJECTS[0].split()) <= set(rebuilt.columns)
    assert len(rebuilt) == len(pd.read_csv(reviews))
    capsys.readouterr()
    assert run(["score", "model.isthmus", reviews, "--explain"]) == 0
    reasons = pd.read_csv(io.StringIO(capsys.readouterr().out))["why"]
    known = set(" ".join(SUBJECTS).split())
    assert {why.split()[0] for why in reasons} <= known


def test_topics_of_few_words_are_told(tmp_path, capsys):
    (tmp_path / "few.txt").write_text("\n".join(["goal team", "bank rate"] * 20))
    few = ["--preset", "topics", "--size", "2", "--epochs", "1"]
    model = str(tmp_path / "m.isthmus")
    assert run(["fit", str(tmp_path / "few.txt"), *few, "--out", model]) == 0
    said = capsys.readouterr().err
    assert "goal" in said
    assert "words: perplexity" in said
    assert f"isthmus topics {model}" in said
    assert run(["topics", model]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run(["topics", model, "--top", "5"]) == 3
    assert "top must lie between 1 and 4" in capsys.readouterr().err
