"""Folders of pictures."""

import io
import shutil
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from sklearn.datasets import load_digits

import isthmus
from isthmus.cli.program import run
from isthmus.data import images
from isthmus.errors import DataError, IsthmusWarning, MissingExtraError

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
    """The pictures in the order of the files' names."""
    return np.concatenate([DIGITS[::2], DIGITS[1::2]])


def test_a_folder_is_read_in_pieces(photos, in_order):
    source = isthmus.stream(photos, piece=77)
    assert np.array_equal([image for piece in source for image in piece], in_order)
    assert source.num_rows == len(source.files) == 300
    assert [len(piece) for part in source.parts for piece in part] == [77, 77, 77, 69]
    assert np.array_equal(source.take([250, 3]), in_order[[250, 3]])


def test_a_folder_is_trained_on_and_scored_as_an_array_is(photos, in_order):
    some = {"size": 4, "epochs": 2, "verbose": 0}
    model = isthmus.Autoencoder(**some).fit(photos)
    assert model.recipe_.architecture.kind() == "conv2d"
    scores = model.score_samples(photos)
    assert np.array_equal(model.score_samples(in_order), scores)
    assert np.array_equal(model.transform(photos), model.transform(in_order))
    assert scores.std() > 0


def test_pictures_of_several_sizes_are_seen_in_patches(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(256, size=(20 + k, 30, 3), dtype=np.uint8) for k in (0, 9)]
    for k, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{k}.png")
    some = {"size": 4, "epochs": 1, "verbose": 0}
    model = isthmus.Autoencoder(kind=isthmus.Images(patch=16), **some).fit(tmp_path)
    rebuilt = model.reconstruct(tmp_path)
    assert [image.shape for image in rebuilt] == [image.shape for image in pictures]
    assert np.array_equal(model.score_samples(tmp_path), model.score_samples(pictures))


def test_grey_and_colour_do_not_mix(tmp_path):
    save(tmp_path, "a.png", 4, 4)
    save(tmp_path, "b.png", 4, 4, 3)
    with pytest.raises(DataError, match=r"b.png: is in colour, where .*a.png is grey"):
        list(isthmus.stream(tmp_path))


def test_the_command_line_takes_a_folder(photos, tmp_path, capfd):
    model, out = tmp_path / "m.isthmus", tmp_path / "scores.csv"
    words = ["fit", photos, "--epochs", 2, "--quiet", "--out", model]
    assert run(list(map(str, words))) == 0
    assert run(["score", str(model), str(photos), "--out", str(out)]) == 0
    lines = out.read_text().splitlines()
    assert len(lines) == 301
    assert lines[1].startswith(f'0,"{photos}/a/000.png",')
    assert "Wrote 300 rows" in capfd.readouterr().err


def test_the_command_line_cleans_a_folder(photos, tmp_path, capfd):
    model, out, drawn = (tmp_path / n for n in ("m.isthmus", "clean", "some.png"))
    fit = ["fit", photos, "--task", "denoiser", "--epochs", 1, "--out", model]
    assert run([*map(str, fit), "--set", "noise=40"]) == 0
    words = ["reconstruct", model, photos, "--out", out, "--picture", drawn]
    assert run(list(map(str, words))) == 0
    assert "Wrote 300 pictures" in capfd.readouterr().err
    assert run(["info", str(model)]) == 0
    assert "past_code                skips" in capfd.readouterr().out
    names = [path.relative_to(photos) for path in sorted(photos.rglob("*.png"))]
    assert [path.relative_to(out) for path in sorted(out.rglob("*.png"))] == names
    made = isthmus.load(model).transform(photos)
    with Image.open(out / "b" / "003.png") as image:
        assert np.array_equal(np.asarray(image), made[153])
    with Image.open(drawn) as image:
        assert image.size[0] > 300
    assert run(["score", str(model), str(photos)]) == 4
    assert "holds a denoiser, and a score needs" in capfd.readouterr().err


@pytest.mark.parametrize("task", ["autoencoder", "anomaly", "denoiser"])
def test_a_dry_run_looks_at_a_folder(task, photos, tmp_path, capfd):
    out = tmp_path / "m.isthmus"
    words = ["fit", photos, "--task", task, "--dry-run", "--out", out]
    assert run(list(map(str, words))) == 0
    assert "300 images, whole, 8 x 8 pixels" in capfd.readouterr().out
    assert not out.exists()


def deep_colour(path):
    """A PNG of one black pixel with 16 bits of each colour."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(7)),
        b"IEND": b"",
    }
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks.items():
        data += struct.pack(">I", len(body)) + name + body
        data += struct.pack(">I", zlib.crc32(name + body))
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["uint16", "RGBA", "LA", "P", "L", "deep"])
def test_what_would_be_lost_is_refused(tmp_path, kind):
    """Sixteen bits do not fit into eight, and transparency is no colour."""
    path = tmp_path / "a.png"
    if kind == "deep":
        deep_colour(path)
    elif kind == "uint16":
        Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)
    else:
        clear = {} if kind.endswith("A") else {"transparency": 0}
        Image.new(kind, (4, 4)).save(path, **clear)
    lost = "16 bits of a colour" if kind in {"uint16", "deep"} else "transparency"
    with pytest.raises(DataError, match=rf"a.png: has {lost}, which would be lost"):
        isthmus.stream(tmp_path)


def test_pictures_are_turned_as_their_camera_was(tmp_path):
    pixels = np.zeros((4, 8), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif)
    (image,) = next(iter(isthmus.stream(tmp_path)))
    assert image.shape == (8, 4)


def test_files_of_other_formats_are_told_of(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.gif")
    with pytest.raises(DataError, match=r"but 1 of a format that is not read \(.gif"):
        isthmus.stream(tmp_path)
    save(tmp_path, "a.png", 4, 4)
    with pytest.warns(IsthmusWarning, match=r"1 files are read, and 1 of a format"):
        isthmus.stream(tmp_path)


def test_a_text_that_bursts_when_unpacked_is_refused(tmp_path):
    note = PngImagePlugin.PngInfo()
    note.add_text("a", "0" * (PngImagePlugin.MAX_TEXT_CHUNK + 1), zip=True)
    Image.new("L", (4, 4)).save(tmp_path / "a.png", pnginfo=note)
    with pytest.raises(DataError, match="a.png: cannot be read as PNG or JPEG"):
        isthmus.stream(tmp_path)


def test_what_is_read_is_not_written_over(photos, tmp_path, capfd):
    model, folder = tmp_path / "m.isthmus", tmp_path / "copy"
    shutil.copytree(photos / "b", folder)
    fit = ["fit", folder, "--epochs", 1, "--out", model, "--quiet"]
    assert run(list(map(str, fit))) == 0
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert run(["reconstruct", str(model), str(folder), "--out", str(folder)]) == 3
    assert "would replace" in capfd.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    one, out = min(before), tmp_path / "one.png"
    assert run(["reconstruct", str(model), str(folder), "--out", str(out)]) == 3
    assert "is no folder. Name one, or for a single file" in capfd.readouterr().err
    assert run(["reconstruct", str(model), str(one), "--out", str(out)]) == 0
    assert out.is_file()
    assert run(["reconstruct", str(model), str(one), "--out", str(out)]) == 0
    assert f"Wrote {out}" in capfd.readouterr().err
    assert run(["reconstruct", str(model), str(one), "--out", str(model)]) == 3
    assert isthmus.load(model)


def test_pictures_have_no_columns_to_name(photos, tmp_path, capfd):
    model = tmp_path / "m.isthmus"
    fit = ["fit", photos, "--epochs", 1, "--quiet", "--out", model]
    for option in ("--label", "--ignore", "--id"):
        assert run(list(map(str, [*fit, option, "digit"]))) == 3
        assert f"so leave out {option}" in capfd.readouterr().err
    assert run(list(map(str, fit))) == 0
    for command in ("encode", "score", "evaluate"):
        assert run([command, str(model), str(photos), "--label", "digit"]) == 3
        assert "so leave out --label" in capfd.readouterr().err


def test_infinite_and_missing_images_are_refused():
    X = np.random.default_rng(0).random((9, 8, 8))
    model = isthmus.Autoencoder(epochs=1, verbose=0).fit(X)
    X[3, 2, 1] = np.inf
    for ask in (model.fit, model.transform, model.score_samples, model.explain):
        with pytest.raises(DataError, match="Image 3.* row 2, column 1 is infinite"):
            ask(X)
    for gone in (np.full((9, 8, 8), np.nan), np.full((9, 2), np.nan)):
        with pytest.raises(DataError, match="missing"):
            isthmus.Autoencoder(epochs=1, verbose=0).fit(gone)


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
    with pytest.raises(DataError, match="has over 1,000 pixels"):
        isthmus.stream(tmp_path)


def test_without_pillow_it_is_said_what_to_install(tmp_path, monkeypatch):
    save(tmp_path, "a.png", 4, 4)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r"isthmus\[images\]"):
        isthmus.stream(tmp_path)
