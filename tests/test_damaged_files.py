"""Model files that are damaged, foreign or hostile are refused, and run no code."""

import io
import json
import os
import random
import subprocess
import sys
import textwrap
import time
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

import isthmus
from isthmus.errors import ModelFileError
from isthmus.storage import read_pieces, to_json, write_pieces


class InMemory:
    """Bytes where `read_pieces` wants a path."""

    def __init__(self, data):
        self.data = data

    def read_bytes(self):
        return self.data


def resealed(path, change):
    """Change the pieces of a model file, and make all hashes fit."""
    pieces, manifest = read_pieces(path)
    change(pieces)
    write_pieces(path, pieces, manifest["about"])


def with_tensors(change):
    def altered(pieces):
        tensors = load_tensors(pieces["weights.safetensors"])
        change(tensors)
        pieces["weights.safetensors"] = save_tensors(tensors)

    return altered


def with_object(change):
    def altered(pieces):
        document = json.loads(pieces["object.json"])
        change(document)
        pieces["object.json"] = to_json(document)

    return altered


def test_an_unfitted_estimator_is_refused(tmp_path):
    for estimator in (isthmus.Autoencoder(), isthmus.AnomalyDetector()):
        with pytest.raises(NotFittedError):
            isthmus.save(estimator, tmp_path / "a.isthmus")
    assert not list(tmp_path.iterdir())


def test_an_estimator_of_another_house_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match="PCA cannot be saved"):
        isthmus.save(PCA().fit(np.eye(4)), tmp_path / "a.isthmus")


def test_an_unknown_keyword_is_refused(saved):
    with pytest.raises(TypeError, match="unsafe"):
        isthmus.load(saved, unsafe=True)


def is_noticed(data):
    try:
        read_pieces(InMemory(data))
    except ModelFileError:
        return True
    return False


def flipped(data, bit):
    byte, place = divmod(bit, 8)
    return data[:byte] + bytes([data[byte] ^ (1 << place)]) + data[byte + 1 :]


def test_every_flipped_bit_is_noticed(saved):
    data = saved.read_bytes()
    assert not is_noticed(data)
    bits = range(8 * len(data))
    assert [bit for bit in bits if not is_noticed(flipped(data, bit))] == []


def test_every_truncation_is_noticed(saved):
    data = saved.read_bytes()
    kept = [n for n in range(0, len(data), 3) if not is_noticed(data[:n])]
    assert kept == []
    assert is_noticed(data + b"\0")


def test_random_damage_never_raises_anything_else(saved):
    data, chance = saved.read_bytes(), random.Random(1)
    for _ in range(2000):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        stop = chance.randrange(len(data)) if chance.random() < 0.2 else len(data)
        assert is_noticed(bytes(damaged[:stop])) or damaged == data


def zipped(pieces, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in pieces.items():
            archive.writestr(name, data)
    return file.getvalue()


FOREIGN = {
    "empty": b"",
    "text": b"a,b\n1,2\n",
    "pickle": b"\x80\x04N.",
    "zip of something else": zipped({"a": b"1"}),
    "zip of lists": zipped({"manifest.json": b"[]", "manifest.sha256": b""}),
    "bomb": zipped({"manifest.json": bytes(10**7)}, zipfile.ZIP_DEFLATED),
    "lzma": zipped({"manifest.json": b"{}"}, zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_refused(kind, tmp_path):
    path = tmp_path / "x.isthmus"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(ModelFileError, match=r"x\.isthmus is (no model file|damaged)"):
        isthmus.load(path)


@pytest.mark.parametrize("kind", ["bomb", "lzma"])
def test_nothing_is_unpacked(kind, tmp_path):
    path = tmp_path / "x.isthmus"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(ModelFileError, match="its members are compressed"):
        isthmus.load(path)


def test_the_same_pieces_zipped_by_another_program_are_refused(saved):
    with zipfile.ZipFile(saved) as archive:
        pieces = {name: archive.read(name) for name in archive.namelist()}
    saved.write_bytes(zipped(pieces))
    with pytest.raises(ModelFileError, match="its archive was altered"):
        isthmus.load(saved)


def test_a_file_that_is_not_there_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.isthmus", tmp_path):
        with pytest.raises(ModelFileError, match=path.name):
            isthmus.load(path)


def test_another_format_is_named(saved, monkeypatch):
    pieces, manifest = read_pieces(saved)
    with monkeypatch.context() as later:
        later.setattr("isthmus.storage.FORMAT", 7)
        write_pieces(saved, pieces, manifest["about"])
    with pytest.raises(ModelFileError, match=r"has format 7, .* Install a newer"):
        isthmus.load(saved)


def a_name_is_missing(tensors):
    tensors.pop(min(tensors))


def a_name_is_new(tensors):
    tensors["extra"] = torch.zeros(1)


def a_shape_is_wrong(tensors):
    tensors[min(tensors)] = torch.zeros(9, 9)


def a_type_is_wrong(tensors):
    tensors[min(tensors)] = tensors[min(tensors)].double()


def a_weight_is_no_number(tensors):
    tensors[min(tensors)][0] = float("nan")


def a_weight_is_infinite(tensors):
    tensors[min(tensors)][0] = float("inf")


@pytest.mark.parametrize(
    "change",
    [
        a_name_is_missing,
        a_name_is_new,
        a_shape_is_wrong,
        a_type_is_wrong,
        a_weight_is_no_number,
        a_weight_is_infinite,
    ],
)
def test_weights_that_do_not_fit_are_refused(change, saved):
    resealed(saved, with_tensors(change))
    with pytest.raises(ModelFileError, match=r"[Ww]eight"):
        isthmus.load(saved)


def put(value, *keys):
    """A change of one place in the document."""

    def change(document):
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    change.__name__ = f"{'.'.join(map(str, keys))} = {str(value)[:20]}"
    return change


RECIPE, CONVERTER = ("state", "recipe"), ("state", "converter")
NUMBERS = *CONVERTER, "parts", 0
HOSTILE = [
    put("os.system", "kind"),
    put(["autoencoder"], "kind"),
    put("anomaly_detector", "kind"),
    put(None, "state"),
    put([], "state", "parameters"),
    put("isthmus.evil.Evil", *RECIPE, "bottleneck", "kind"),
    put([10**12], *RECIPE, "architecture", "hidden"),
    put([20_000, 20_000], *RECIPE, "architecture", "hidden"),
    put(10**15, *RECIPE, "bottleneck", "size"),
    put(-1, *RECIPE, "bottleneck", "size"),
    put("modules", *RECIPE, "architecture", "kind"),
    put({"a": {}}, *RECIPE, "terms"),
    put(["nan", "0x1p0"], *NUMBERS, "scale"),
    put(["0x1p9999", "0x1p0"], *NUMBERS, "scale"),
    put(["0x0p0", "0x1p0"], *NUMBERS, "spread"),
    put(["0x1p0"], *NUMBERS, "shift"),
    put(7, *NUMBERS, "shift"),
    put("-0x1p0", *NUMBERS, "knee"),
    put("level", *NUMBERS, "content"),
    put("a" * 10**5, *NUMBERS, "content"),
    put("times", *NUMBERS, "kind"),
    put(["a", "a"], *NUMBERS, "names"),
    put([], *CONVERTER, "parts"),
    put([], *CONVERTER, "found"),
    put({"a": "0x1p0"}, *CONVERTER, "weights"),
    put({"a": "x"}, *CONVERTER, "constants"),
]


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__)
def test_a_document_that_does_not_fit_is_refused_at_once(change, saved):
    resealed(saved, with_object(change))
    started = time.perf_counter()
    with pytest.raises(ModelFileError, match=r"model\.isthmus|networks of its own"):
        isthmus.load(saved)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("piece", ["object.json", "weights.safetensors"])
@pytest.mark.parametrize(
    "data", [b"", b"null", b'{"kind": 1, "kind": 1}', b"[" * 10**5, b"\xff"], ids=len
)
def test_a_piece_that_is_none_is_refused(piece, data, saved):
    resealed(saved, lambda pieces: pieces.update({piece: data}))
    with pytest.raises(ModelFileError):
        isthmus.load(saved)


def test_a_surplus_piece_is_refused(saved):
    resealed(saved, lambda pieces: pieces.update({"setup.py": b"import os"}))
    with pytest.raises(ModelFileError, match="must hold"):
        isthmus.load(saved)


WATCHED = """
    import sys
    import isthmus
    import isthmus.storage
    from isthmus import registry
    from isthmus.parts import Architecture, Bottleneck, Corruption, Likelihood, Term

    paths = sys.argv[1:]
    isthmus.load(paths[0])
    for family in (Architecture, Bottleneck, Corruption, Likelihood, Term):
        family.kinds()
    for name in registry.names("tasks"):
        registry.task(name)  # whatever is imported lazily is here now
    forbidden = ("pickle.", "marshal.", "exec", "compile", "import", "subprocess.",
                 "socket.", "os.system", "os.exec", "os.fork", "os.remove", "ctypes.")

    def watch(event, args):
        wrong = event.startswith(forbidden)
        if wrong or (event == "open" and set(str(args[1])) & set("wax+")):
            print("FORBIDDEN", event, args, flush=True)
            os._exit(7)

    import os
    sys.addaudithook(watch)
    for path in paths:
        try:
            isthmus.load(path).score_samples([[1.0, 2.0]])
        except isthmus.storage.ModelFileError:
            pass
    print("loaded", len(paths), flush=True)
    os._exit(0)  # what others do at exit is not watched
"""


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done.stdout.strip() or done.stderr


def test_loading_runs_no_code(saved, tmp_path):
    paths = [saved]
    for number, change in enumerate(HOSTILE):
        path = tmp_path / f"{number}.isthmus"
        path.write_bytes(saved.read_bytes())
        resealed(path, with_object(change))
        paths.append(path)
    assert run(WATCHED, *paths) == f"loaded {len(paths)}"
