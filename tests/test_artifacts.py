"""Model files: the same answers after loading, and no damage that goes unnoticed."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from torch import nn

import isthmus
from isthmus import registry
from isthmus.architectures.modules import Modules
from isthmus.errors import IsthmusError, ModelFileError, RecipeError
from isthmus.storage import read_pieces, to_json, write_pieces

QUICK = {"epochs": 2, "verbose": 0, "validation": 0}
SMALL = {"size": 3, "hidden": (6,)}


def rows(n=40, columns=4):
    return np.random.default_rng(0).normal(size=(n, columns))


def quick(name, **keywords):
    bottleneck = {"k": 2} if name == "k_sparse" else {}
    return registry.preset(name)(**{**QUICK, **SMALL, **bottleneck, **keywords})


PRESETS = [n for n in registry.names("presets") if n != "topics"]
"""That one is for counts and texts alone: tests/test_text.py."""
INNER = isthmus.Autoencoder(**SMALL, epochs=2)
EVERY = {name: quick(name) for name in PRESETS} | {
    name: registry.task(name)(autoencoder=INNER, verbose=0)
    for name in registry.names("tasks")
}


class InMemory:
    """Bytes where `read_pieces` wants a path."""

    def __init__(self, data):
        self.data = data

    def read_bytes(self):
        return self.data


@pytest.fixture(scope="module")
def model():
    """The smallest model there is."""
    return isthmus.linear(size=1, **QUICK).fit(rows(columns=2))


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.isthmus"
    isthmus.save(model, path)
    return path


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


# -------------------------------------------------- there and back


@pytest.mark.filterwarnings("ignore:A code of:isthmus.errors.IsthmusWarning")
@pytest.mark.parametrize("name", EVERY)
def test_a_loaded_model_gives_the_same_bits(name, tmp_path):
    data = rows()
    data[3, 1] = np.nan
    if name == "recommender":  # who turned to what
        data = np.nan_to_num(data).clip(0)
    fitted = clone(EVERY[name])
    if name.startswith("pretrained"):  # with labels
        fitted.set_params(steps=2).fit(data, np.arange(len(data)) % 2)
    else:
        fitted.fit(data)
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded = isthmus.load(tmp_path / "a.isthmus")
    assert type(loaded) is type(fitted)
    if hasattr(fitted, "interpolate"):  # a sampler
        same = (s.sample(9, random_state=0) for s in (loaded, fitted))
        np.testing.assert_array_equal(*same, strict=True)
        return
    if name.startswith("pretrained"):
        same = loaded.predict(data), fitted.predict(data)
        np.testing.assert_array_equal(*same, strict=True)
        return
    if not hasattr(fitted, "score_samples"):  # a denoiser, a recommender
        same = loaded.transform(data), fitted.transform(data)
        np.testing.assert_array_equal(*same, strict=True)
        return
    np.testing.assert_array_equal(
        loaded.score_samples(data), fitted.score_samples(data), strict=True
    )
    for one, two in zip(loaded.explain(data), fitted.explain(data), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", PRESETS)
def test_a_loaded_model_has_the_same_parameters(name, tmp_path):
    size = {"size": 3 if name == "overcomplete" else 2}
    fitted = quick(name, **size).fit(rows())
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded = isthmus.load(tmp_path / "a.isthmus")
    assert loaded.get_params() == fitted.get_params()
    assert loaded.recipe_ == fitted.recipe_
    assert loaded.history_ == fitted.history_


def test_a_loaded_detector_draws_the_line_where_it_was(tmp_path):
    inner = isthmus.variational(**QUICK, **SMALL)
    fitted = isthmus.AnomalyDetector(
        autoencoder=inner, contamination=0.1, verbose=0, random_state=5
    ).fit(rows())
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded = isthmus.load(tmp_path / "a.isthmus")
    np.testing.assert_array_equal(loaded.predict(rows()), fitted.predict(rows()))
    assert loaded.offset_ == fitted.offset_
    assert (loaded.contamination, loaded.random_state) == (0.1, 5)


def test_saving_what_was_loaded_gives_the_same_file(saved, tmp_path):
    isthmus.save(isthmus.load(saved), tmp_path / "again.isthmus")
    assert (tmp_path / "again.isthmus").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("names", [["a", "b"], [0, 1]], ids=str)
def test_a_loaded_model_answers_in_the_frame_it_learned_from(names, tmp_path):
    frame = pd.DataFrame(rows(columns=2), columns=names)
    fitted = isthmus.linear(size=1, **QUICK).fit(frame)
    isthmus.save(fitted, tmp_path / "a.isthmus")
    loaded, code = isthmus.load(tmp_path / "a.isthmus"), fitted.transform(frame)
    pd.testing.assert_frame_equal(
        loaded.inverse_transform(code), fitted.inverse_transform(code)
    )


def test_loading_leaves_the_random_state_alone(saved):
    before = torch.get_rng_state()
    isthmus.load(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_model_trains_on(saved, model):
    loaded = isthmus.load(saved)
    loaded.partial_fit(rows(columns=2))
    assert len(loaded.history_) == len(model.history_) + 1


def test_any_unzip_opens_a_model_file(saved):
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert "object.json" in archive.namelist()


def test_inspect_tells_without_building(saved):
    found = isthmus.inspect(saved)
    assert found["kind"] == "autoencoder"
    assert found["state"]["recipe"]["bottleneck"]["size"] == 1
    assert found["manifest"]["about"]["torch"] == torch.__version__


# -------------------------------------------------- what is refused


def test_an_unfitted_estimator_is_refused(tmp_path):
    for estimator in (isthmus.Autoencoder(), isthmus.AnomalyDetector()):
        with pytest.raises(NotFittedError):
            isthmus.save(estimator, tmp_path / "a.isthmus")
    assert not list(tmp_path.iterdir())


def test_an_estimator_of_another_house_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match="PCA cannot be saved"):
        isthmus.save(PCA().fit(rows()), tmp_path / "a.isthmus")


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


# -------------------------------------------------- networks of one's own


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x).tanh()


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 4)

    def forward(self, z):
        return self.layer(z)


@pytest.fixture(scope="module")
def own():
    pair = Modules(encoder=Encoder, decoder=Decoder)
    return isthmus.Autoencoder(architecture=pair, size=2, **QUICK).fit(rows())


@pytest.fixture
def own_file(own, tmp_path):
    isthmus.save(own, tmp_path / "own.isthmus")
    return tmp_path / "own.isthmus"


def test_own_networks_train(own):
    longer = clone(own).set_params(epochs=20).fit(rows())
    assert longer.history_[-1]["loss"] < 0.95 * longer.history_[0]["loss"]


@pytest.mark.parametrize("given", [(Encoder, Decoder), (Encoder(), Decoder())], ids=str)
def test_own_networks_are_loaded_into_what_is_passed(given, own, own_file):
    loaded = isthmus.load(own_file, encoder=given[0], decoder=given[1])
    np.testing.assert_array_equal(
        loaded.score_samples(rows()), own.score_samples(rows())
    )


@pytest.mark.parametrize("given", [{}, {"encoder": Encoder}], ids=str)
def test_own_networks_must_be_passed(given, own_file):
    with pytest.raises(ModelFileError, match=r"load\(path, encoder=MyEncoder, decoder"):
        isthmus.load(own_file, **given)


def test_other_networks_are_refused(own_file):
    with pytest.raises(IsthmusError, match=r"must answer with|take an input"):
        isthmus.load(own_file, encoder=Decoder, decoder=Encoder)


def test_networks_for_a_model_without_own_ones_are_refused(saved):
    with pytest.raises(RecipeError, match="has no networks of its own"):
        isthmus.load(saved, encoder=Encoder, decoder=Decoder)


# -------------------------------------------------- the old or the new


@pytest.mark.parametrize("step", ["os.fsync", "os.fdopen", "pathlib.Path.replace"])
@pytest.mark.parametrize("accident", [OSError("full"), KeyboardInterrupt()], ids=repr)
def test_a_failed_save_leaves_the_old_file(step, accident, saved, monkeypatch):
    old, other = saved.read_bytes(), isthmus.linear(**QUICK).fit(rows())

    def fail(*_args, **_keywords):
        raise accident

    monkeypatch.setattr(step, fail)
    with pytest.raises(type(accident)):
        isthmus.save(other, saved)
    monkeypatch.undo()
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


def test_a_save_that_the_folder_does_not_confirm_raises(saved, monkeypatch):
    other, calls, fsync = isthmus.linear(**QUICK).fit(rows()), [], os.fsync

    def fail_second(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError("full")
        fsync(descriptor)

    monkeypatch.setattr("os.fsync", fail_second)
    with pytest.raises(OSError, match="full"):
        isthmus.save(other, saved)
    monkeypatch.undo()
    isthmus.load(saved)
    assert list(saved.parent.iterdir()) == [saved]


def test_file_then_name_then_folder_reach_the_disk_in_this_order(
    saved, model, monkeypatch
):
    steps = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(descriptor):
        kind = "folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file"
        steps.append(kind)
        fsync(descriptor)

    def note_replace(*arguments):
        steps.append("name")
        return replace(*arguments)

    monkeypatch.setattr("os.fsync", note_fsync)
    monkeypatch.setattr("pathlib.Path.replace", note_replace)
    isthmus.save(model, saved)
    assert steps == ["file", "name", "folder"]


SAVING = """
    import sys
    from pathlib import Path
    from isthmus.storage import write_pieces

    path, number = Path(sys.argv[1]), 0
    while True:
        number += 1
        pieces = {f"piece {i}": bytes([number % 256]) * 2**18 for i in range(8)}
        write_pieces(path, pieces, {})
        if number == 2:
            print("go", flush=True)
"""


@pytest.mark.slow
def test_a_killed_save_never_leaves_an_unreadable_file(tmp_path):
    path, chance = tmp_path / "model.isthmus", random.Random(0)
    for _ in range(10):
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SAVING), str(path)],
            stdout=subprocess.PIPE,
        )
        with child:
            child.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            child.send_signal(signal.SIGKILL)
        pieces, _ = read_pieces(path)
        assert len(set(pieces.values())) == 1  # none is mixed
