"""Folders of pictures are tables of their pixels."""

import io
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import isthmus
from isthmus.cli.program import run
from isthmus.data import images
from isthmus.errors import DataError, MissingExtraError

DIGITS = (load_digits().images[:300] * 15).astype(np.uint8)


def save(folder, name, *shape):
    Image.fromarray(np.zeros(shape, np.uint8)).save(folder / name)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Digits, a file each, in two folders."""
    folder = tmp_path_factory.mktemp("photos")
    for k, picture in enumerate(DIGITS):
        place = folder / "ab"[k % 2]
        place.mkdir(exist_ok=True)
        Image.fromarray(picture).save(place / f"{k // 2:03}.png")
    return folder


@pytest.fixture
def in_order():
    """The pixels in the order of the files' names, (300, 64)."""
    return np.concatenate([DIGITS[::2], DIGITS[1::2]]).reshape(300, 64)


def test_a_folder_is_read_as_a_table(photos, in_order):
    source = isthmus.stream(photos, piece=77)
    found = np.concatenate([np.stack(list(piece.columns), 1) for piece in source])
    assert np.array_equal(found, in_order)
    assert source.num_rows == 300
    assert source.column_names[:9] == [f"0,{x}" for x in range(8)] + ["1,0"]
    apart = [len(piece) for part in source.parts for piece in part]
    assert apart == [77, 77, 77, 69]


def test_a_folder_is_trained_on_and_scored_as_the_table_is(photos, in_order):
    some = {"size": 4, "epochs": 3, "verbose": 0, "hidden": (32,)}
    model = isthmus.Autoencoder(**some).fit(photos)
    scores = model.score_samples(photos)
    with pytest.warns(UserWarning, match="feature names"):
        again = model.score_samples(in_order.astype(float))
    assert np.array_equal(again, scores)
    assert scores.std() > 0


def test_the_command_line_takes_a_folder(photos, tmp_path, capfd):
    model, out = tmp_path / "m.isthmus", tmp_path / "scores.csv"
    words = ["fit", photos, "--epochs", 2, "--quiet", "--out", model]
    assert run(list(map(str, words))) == 0
    assert run(["score", str(model), str(photos), "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 301
    assert "Wrote 300 rows" in capfd.readouterr().err


def test_colours_are_columns(tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(2, 3, 4, 3), dtype=np.uint8)
    for k, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / f"{k}.png")
    (piece,) = isthmus.stream(tmp_path)
    assert piece.column_names[:4] == ["0,0,red", "0,0,green", "0,0,blue", "0,1,red"]
    assert np.array_equal(np.stack(list(piece.columns), 1), pixels.reshape(2, 36))


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((5, 4), "5 x 4 pixels, grey, where .*a.png has 4 x 4 pixels, grey"),
        ((4, 4, 3), "4 x 4 pixels, in colour, where"),
    ],
)
def test_pictures_that_differ_are_named(tmp_path, shape, said):
    save(tmp_path, "a.png", 4, 4)
    save(tmp_path, "b.png", *shape)
    with pytest.raises(DataError, match=f"b.png: {said}"):
        list(isthmus.stream(tmp_path))


@pytest.mark.parametrize("kind", ["uint16", "RGBA", "LA"])
def test_what_would_be_lost_is_refused(tmp_path, kind):
    """Sixteen bits do not fit into eight, and transparency is no colour."""
    zeros = np.zeros((4, 4), np.uint16)
    picture = Image.fromarray(zeros) if kind == "uint16" else Image.new(kind, (4, 4))
    picture.save(tmp_path / "a.png")
    with pytest.raises(DataError, match="a.png: is of mode .* 8 bits"):
        isthmus.stream(tmp_path)


def test_pictures_beside_tables_are_not_read(tmp_path):
    """As a figure that was drawn of them."""
    save(tmp_path, "figure.png", 4, 4)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    assert isthmus.stream(tmp_path).num_rows == 2


def test_what_is_no_picture_is_named(tmp_path):
    save(tmp_path, "a.png", 4, 4)
    (tmp_path / "b.jpg").write_bytes(b"no")
    with pytest.raises(DataError, match=r"b.jpg: cannot be read as PNG or JPEG"):
        list(isthmus.stream(tmp_path))


def test_other_formats_are_not_opened(tmp_path):
    """A file of another kind that calls itself PNG is not handed to its reader."""
    data = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(data, "BMP")
    (tmp_path / "a.png").write_bytes(data.getvalue())
    with pytest.raises(DataError, match="cannot be read as PNG or JPEG"):
        isthmus.stream(tmp_path)


def test_a_bomb_is_refused_undecoded(tmp_path, monkeypatch):
    save(tmp_path, "a.png", 40, 40)
    monkeypatch.setattr(images, "MOST", 1000)
    with pytest.raises(DataError, match="has more than 1,000 pixels"):
        isthmus.stream(tmp_path)


def test_without_pillow_it_is_said_what_to_install(tmp_path, monkeypatch):
    save(tmp_path, "a.png", 4, 4)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"isthmus\[images\]"):
        isthmus.stream(tmp_path)


def test_pictures_are_drawn_before_and_after(photos, tmp_path):
    model, out = (str(tmp_path / name) for name in ("m.isthmus", "r.csv"))
    assert run(["fit", str(photos), "--epochs", "2", "--quiet", "--out", model]) == 0
    words = ["reconstruct", model, str(photos), "--pixels", "8x8", "--out", out]
    assert run([*words, "--picture", str(tmp_path / "r.png")]) == 0
    with Image.open(tmp_path / "r.png") as drawn:
        assert drawn.size[0] > 300
