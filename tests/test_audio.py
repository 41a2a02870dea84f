"""Sound: files, frames, samples, and back."""

import io
import struct
import wave

import numpy as np
import pytest
import torch
from scipy import signal
from scipy.io import wavfile

import isthmus
from isthmus.architectures.spectral import Spectral
from isthmus.cli.program import run
from isthmus.corruptions.gaussian_noise import GaussianNoise
from isthmus.data.mel import FLOOR, Mel, filters
from isthmus.data.recordings import as_before, as_unit
from isthmus.data.wav import Sound, write_wav
from isthmus.errors import DataError, RecipeError
from isthmus.layout import Layout
from isthmus.parts import Sizes
from isthmus.trace import Context

RATE = 8000
SHORT = {"epochs": 1, "verbose": 0}
KIND = isthmus.Audio(rate=RATE)


def tone(pitch, samples, lots):
    t = np.arange(samples) / RATE
    wave = np.sin(2 * np.pi * pitch * t) * np.exp(-3 * t)
    return (wave + 0.01 * lots.normal(size=samples)).astype(np.float32)


def tones(count, seed=0):
    """Of 0.2 to 0.5 s, and two of over a second."""
    lots = np.random.default_rng(seed)
    lengths = [*lots.integers(1600, 4000, count - 2), 9000, 12345]
    return [tone(lots.uniform(200, 2000), n, lots) for n in lengths]


TONES = tones(14)


def in_bits(x, bits):
    """As a WAV file of so many bits has it."""
    x = x if bits == "float" else x.astype(np.float64)
    if bits == 8:
        return np.uint8(np.clip(np.rint(x * 127 + 128), 0, 255))
    if bits == 24:
        return np.int32(np.rint(x * (2**23 - 1))) * 256
    if bits in {16, 32}:
        return np.rint(x * (2.0 ** (bits - 1) - 1)).astype(f"int{bits}")
    return x.astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings of sixteen bits, in two folders."""
    place = tmp_path_factory.mktemp("recordings")
    for k, x in enumerate(TONES):
        write_wav(place / "ab"[k % 2] / f"{k:02}.wav", Sound(RATE, in_bits(x, 16)))
    return place


@pytest.fixture(scope="module")
def model(folder):
    return isthmus.Autoencoder(size=4, **SHORT).fit(folder)


@pytest.fixture(scope="module")
def denoiser():
    short = isthmus.Training(epochs=3, batch_size=8)
    return isthmus.Denoiser(kind=KIND, training=short, verbose=0).fit(TONES)


# ----------------------------------------------------------------------------- files


@pytest.mark.parametrize("bits", [8, 16, 24, 32, "float"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_is_read_and_written_as_it_was(tmp_path, bits, channels):
    x = in_bits(np.clip(TONES[0], -1, 1), bits)
    x = x if channels == 1 else np.stack([x, x[::-1]], 1)
    write_wav(tmp_path / "a.wav", Sound(RATE, x, 24 if bits == 24 else 0))
    (sound,) = next(iter(isthmus.stream(tmp_path)))
    assert sound.rate == RATE
    assert np.array_equal(sound.samples, x)
    assert sound.samples.dtype == x.dtype
    assert sound.bits == (24 if bits == 24 else 0)
    if bits != 32:  # more than a float32 tells apart
        assert np.array_equal(as_before(as_unit(x), sound), x)
    if bits == 24:
        with wave.open(str(tmp_path / "a.wav")) as file:
            assert file.getsampwidth() == 3


def test_samples_become_numbers_from_minus_1_to_1():
    for bits in (8, 16, 24, 32):
        x = in_bits(np.array([-1.0, 0.0, 0.5, 1.0]), bits)
        np.testing.assert_allclose(as_unit(x), [-1, 0, 0.5, 1], atol=0.01)


def content(x, rate=RATE):
    file = io.BytesIO()
    wavfile.write(file, rate, x)
    return file.getvalue()


GOOD = content(in_bits(TONES[0], 16))
BAD = {
    "empty": (b"", "b.wav: is empty"),
    "text": (b"no sound at all, but words", "b.wav: cannot be read as WAV"),
    "truncated": (GOOD[:-1000], "b.wav: ends before the sound"),
    "only the head": (GOOD[:44], "b.wav: "),
    "half a head": (GOOD[:30], "b.wav: ends before the sound begins"),
    "nearly a head": (GOOD[:41], "b.wav: ends before the sound begins"),
    "an odd part": (GOOD[:-1001], "b.wav: ends before the sound"),
    "silent": (content(np.zeros(0, np.int16)), "b.wav: holds no samples"),
    "not a number": (content(np.float32([0, np.nan])), "b.wav: .* not finite"),
}


@pytest.mark.parametrize("size", [2**32 - 1, 0x7FFFF000])
def test_a_file_of_a_pipe_is_whole_though_it_tells_no_size(tmp_path, size):
    place = GOOD.index(b"data") + 4
    said = struct.pack("<I", size)
    data = GOOD[:4] + said + GOOD[8:place] + said + GOOD[place + 4 :]
    (tmp_path / "a.wav").write_bytes(data)
    (tmp_path / "b.wav").write_bytes(GOOD)
    (tmp_path / "c.wav").write_bytes(data[:-1])  # half a sample is none
    one, other, shorter = next(iter(isthmus.stream(tmp_path)))
    assert np.array_equal(one.samples, other.samples)
    assert np.array_equal(shorter.samples, other.samples[:-1])


def test_bits_stand_in_the_chunk_of_the_format(tmp_path):
    """Which another, that speaks of a format, may precede; in either order of bytes."""
    x = in_bits(TONES[0], 24)
    write_wav(tmp_path / "a.wav", Sound(RATE, x, 24))
    data = (tmp_path / "a.wav").read_bytes()
    note = b"LIST" + struct.pack("<I", 24) + b"INFOfmt " + bytes(16)
    (tmp_path / "a.wav").write_bytes(data[:12] + note + data[12:])
    turned = struct.pack(
        ">4sI4s4sIHHIIHH4sI",
        *(
            b"RIFX",
            36 + 3 * len(x),
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            RATE,
            3 * RATE,
            3,
            24,
            b"data",
            3 * len(x),
        ),
    )
    samples = x.astype(">i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    (tmp_path / "b.wav").write_bytes(turned + samples)
    for sound in next(iter(isthmus.stream(tmp_path))):
        assert sound.bits == 24
        assert np.array_equal(sound.samples, x)


def test_a_file_of_another_rate_is_named(tmp_path, model):
    (tmp_path / "a.wav").write_bytes(GOOD)
    (tmp_path / "b.wav").write_bytes(content(in_bits(TONES[1], 16), 16000))
    with pytest.raises(DataError, match="b.wav: has 16,000 samples per second, and"):
        isthmus.Autoencoder(**SHORT).fit(tmp_path)
    only = isthmus.Autoencoder(**SHORT).fit([(RATE, x) for x in TONES])
    with pytest.raises(DataError, match="b.wav: has 16,000 .* those of fitting"):
        only.transform([tmp_path / "b.wav"])
    for name in (str(tmp_path / "c.wav"), tmp_path / "my c.wav", "a c.wav"):
        with pytest.raises(DataError, match="c.wav: there is no such"):
            model.transform([name])


def test_a_file_of_one_sample_of_two_channels_is_a_recording(tmp_path, model):
    (tmp_path / "a.wav").write_bytes(content(np.int16([[1, -1]])))
    assert model.transform(tmp_path).shape == (1, 4)


def test_sentences_are_no_files():
    heard = ["please listen to a.wav", "and then " + "hear " * 60 + "b.wav"] * 10
    made = isthmus.Autoencoder(kind=isthmus.Text(max_df=1.0), **SHORT).fit(heard)
    assert made.transform(heard).shape[0] == 20


def test_rows_of_several_lengths_are_asked_what_they_are():
    with pytest.raises(DataError, match="if sound, kind=isthmus.Audio"):
        isthmus.Autoencoder(**SHORT).fit(TONES)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_the_reason(tmp_path, name):
    (tmp_path / "a.wav").write_bytes(GOOD)
    data, told = BAD[name]
    (tmp_path / "b.wav").write_bytes(data)
    with pytest.raises(DataError, match=told):
        isthmus.Autoencoder(**SHORT).fit(tmp_path)


def test_a_list_of_files_and_a_folder_are_the_same(folder, model):
    files = sorted(folder.rglob("*.wav"))
    assert np.array_equal(model.transform(files), model.transform(folder))
    assert np.array_equal(
        model.transform(list(map(str, files[:3]))), model.transform(folder)[:3]
    )


# --------------------------------------------------------------------------- formulas


def test_log_powers_are_those_of_a_second_derivation():
    """By scipy's transform, and triangles drawn by interpolation."""
    x, mel = TONES[0], Mel(RATE, 20)
    assert (mel.frame, mel.hop) == (256, 128)
    scale = np.hanning(257)[:-1].sum()
    spectrum = scale * signal.stft(x, nperseg=256, noverlap=128, padded=False)[2]
    mels = np.linspace(0, 1127 * np.log(1 + 4000 / 700), 22)
    edges = 700 * np.expm1(mels / 1127)
    at = np.fft.rfftfreq(256, 1 / RATE)
    bank = [np.interp(at, edges[k : k + 3], [0, 1, 0]) for k in range(20)]
    power = np.abs(spectrum) ** 2 / 256
    expected = np.log(np.array(bank) @ power + FLOOR).T
    got = mel.log(torch.from_numpy(x)).numpy()
    assert got.shape == (mel.steps(len(x)), 20)
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_bands_of_white_noise_have_the_power_of_their_filters():
    x = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    mel = Mel(RATE, 10)
    power = (mel.log(x).exp() - FLOOR).mean(0)
    expected = 3 / 8 * filters(RATE, mel.frame, 10).sum(1)
    torch.testing.assert_close(power, expected, rtol=0.02, atol=0)


def test_no_change_of_powers_gives_the_samples_back():
    x, mel = torch.from_numpy(TONES[0]), Mel(RATE, 20)
    back = mel.changed(x, torch.zeros(mel.steps(len(x)), 20))
    torch.testing.assert_close(back, x, atol=1e-5, rtol=0)
    half = mel.changed(x, torch.full((mel.steps(len(x)), 20), -2 * np.log(2.0)))
    torch.testing.assert_close(half, x / 2, atol=1e-5, rtol=0)


@pytest.mark.parametrize("more", [0, 1, 64, 127])
def test_a_change_is_as_loud_at_the_end_as_elsewhere(more):
    lots, mel = torch.Generator().manual_seed(0), Mel(RATE, 40)
    x = torch.randn(25 * mel.hop + more, generator=lots)
    change = 0.7 * torch.randn(mel.steps(len(x)), 40, generator=lots)
    found = mel.changed(x, change).abs()
    assert found[-200:].max() < 1.5 * found[:-200].max()


# ----------------------------------------------------------------- frames and samples


def test_a_recording_has_one_code_the_mean_of_its_windows(folder, model):
    z = model.transform(folder)
    assert z.shape == (14, 4)
    each = isthmus.Audio(codes="window")
    apart = isthmus.Autoencoder(kind=each, size=4, **SHORT).fit(folder)
    windows = apart.transform(folder)
    data = apart._converter.encode(apart._read(folder)[0].rows)
    assert len(windows) == len(data) == sum(data.counts) > 14
    stops = np.cumsum(data.counts)[:-1]
    means = [part.mean(0) for part in np.split(windows, stops)]
    np.testing.assert_allclose(z, means, atol=1e-5)


def test_answers_do_not_depend_on_company_or_order(model):
    X = [(RATE, x) for x in TONES]
    z, scores = model.transform(X), model.score_samples(X)
    assert scores.shape == (14,)
    order = np.random.default_rng(0).permutation(14)
    mixed = [X[k] for k in order]
    assert np.array_equal(model.transform(mixed), z[order])
    assert np.array_equal(model.score_samples(mixed), scores[order])
    assert np.array_equal(model.transform([X[3]])[0], z[3])
    one, all_ = model.reconstruct([X[3]])[0], model.reconstruct(X)[3]
    assert np.array_equal(one.samples, all_.samples)


def test_the_same_seed_gives_the_same_bits_and_so_does_a_file(folder, model, tmp_path):
    again = isthmus.Autoencoder(size=4, **SHORT).fit(folder)
    z = model.transform(folder)
    assert np.array_equal(again.transform(folder), z)
    isthmus.save(model, tmp_path / "m.isthmus")
    loaded = isthmus.load(tmp_path / "m.isthmus")
    assert np.array_equal(loaded.transform(folder), z)
    assert np.array_equal(loaded.score_samples(folder), model.score_samples(folder))
    pairs = zip(loaded.reconstruct(folder), model.reconstruct(folder), strict=True)
    assert all(np.array_equal(a.samples, b.samples) for a, b in pairs)


def test_an_answer_has_the_form_of_what_was_given(model):
    stereo = in_bits(np.stack([TONES[0], TONES[0][::-1]], 1), 24)
    given = [Sound(RATE, stereo, 24), (RATE, in_bits(TONES[1], 16))]
    made = model.reconstruct(given)
    assert made[0].samples.shape == stereo.shape
    assert (made[0].samples.dtype, made[1].samples.dtype) == (np.int32, np.int16)
    assert not (made[0].samples % 256).any()
    arrays = np.stack([x[:1600] for x in TONES])
    kind = isthmus.Audio(rate=RATE, bands=16)
    fitted = isthmus.Autoencoder(kind=kind, size=2, **SHORT).fit(arrays)
    assert fitted.reconstruct(arrays).shape == arrays.shape
    assert fitted.inverse_transform(fitted.transform(arrays)).shape == (14, 13, 16)


def test_loudness_is_taken_away_or_kept():
    X = [x / np.sqrt(np.mean(x**2)) for x in TONES]
    for said, alike in (("equal", True), ("kept", False)):
        kind = isthmus.Audio(rate=RATE, loudness=said)
        model = isthmus.Autoencoder(kind=kind, size=4, **SHORT).fit(X)
        louder = model.transform([4 * x for x in X])
        assert np.array_equal(model.transform(X), louder) == alike


def test_other_rates_are_refused_or_resampled():
    mixed = [(8000, TONES[0]), (16000, TONES[1]), *[(8000, x) for x in TONES[2:]]]
    with pytest.raises(DataError, match=r"Recording 1.* 16,000 .* others have 8,000"):
        isthmus.Autoencoder(**SHORT).fit(mixed)
    model = isthmus.Autoencoder(kind=KIND, size=4, **SHORT).fit(mixed)
    made = model.reconstruct(mixed)
    assert [s.rate for s in made[:2]] == [8000, 16000]
    assert [len(s.samples) for s in made] == list(map(len, TONES))
    plain = isthmus.Autoencoder(size=4, **SHORT).fit([(8000, x) for x in TONES])
    with pytest.raises(DataError, match=r"Recording 0, .* has 16,000"):
        plain.transform([(16000, TONES[0])])


BAD_ARRAYS = {
    "no rate": ("audio", TONES, "Arrays do not tell"),
    "empty": (KIND, [TONES[0], TONES[1][:0]], "Recording 1.* has no samples"),
    "NaN": (KIND, [TONES[0], np.float32([0, np.nan])], "Recording 1.* not finite"),
    "transposed": (KIND, [TONES[0], np.zeros((2, 99))], "samples come first"),
    "one": (KIND, TONES[0], r"an array \(n, samples\)"),
    "words": (KIND, ["a", "my b.wav"], "a: there is no such WAV file"),
    "objects": (KIND, [np.array(["a", "b"]), TONES[0]], "Recording 0.* must be num"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_bad_arrays_are_refused_in_a_sentence(name):
    kind, X, told = BAD_ARRAYS[name]
    with pytest.raises(DataError, match=told):
        isthmus.Autoencoder(kind=kind, **SHORT).fit(X)


# -------------------------------------------------------------------------- denoising


def noisy(X, scale):
    lots = np.random.default_rng(1)
    return [x + scale * x.std() * lots.normal(size=len(x)).astype("f4") for x in X]


def error(A, B):
    return np.mean(
        [np.mean((a - b) ** 2) / np.mean(b**2) for a, b in zip(A, B, strict=True)]
    )


def test_sound_loses_noise(denoiser):
    given = noisy(TONES, 1.0)
    assert error(denoiser.transform(given), TONES) < 0.5 * error(given, TONES)


def test_a_saved_denoiser_gives_the_same_sound(denoiser, tmp_path):
    isthmus.save(denoiser, tmp_path / "d.isthmus")
    loaded = isthmus.load(tmp_path / "d.isthmus")
    given = noisy(TONES[:3], 0.5)
    pairs = zip(loaded.transform(given), denoiser.transform(given), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert loaded.autoencoder_.recipe_.corruption.slope == (0.0, 2.0)


def test_twice_as_loud_is_answered_twice_as_loud(denoiser):
    given = noisy(TONES[:2], 0.5)
    made = denoiser.transform(given)
    louder = denoiser.transform([2 * x for x in given])
    assert all(
        np.allclose(2 * a, b, atol=1e-5) for a, b in zip(made, louder, strict=True)
    )


def test_frames_are_no_samples():
    with pytest.raises(RecipeError, match="noise is added to samples"):
        isthmus.Denoiser(kind=isthmus.Audio(view="mel"), verbose=0).fit(TONES)


# ----------------------------------------------------------------------------- terminal


def test_the_command_line_cleans_a_folder(folder, tmp_path, capfd):
    model, out, drawn = (tmp_path / n for n in ("m.isthmus", "clean", "some.png"))
    fit = ["fit", folder, "--task", "denoiser", "--epochs", 1, "--out", model]
    assert run(list(map(str, fit))) == 0
    assert "Read as sound: 14 WAV files." in capfd.readouterr().err
    words = ["reconstruct", model, folder, "--out", out, "--picture", drawn]
    assert run(list(map(str, words))) == 0
    assert "Wrote 14 recordings" in capfd.readouterr().err
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*.wav"))]
    assert [path.relative_to(out) for path in sorted(out.rglob("*.wav"))] == names
    made = isthmus.load(model).transform(folder)
    rate, samples = wavfile.read(out / "a" / "00.wav")
    assert rate == RATE
    assert samples.dtype == np.int16
    assert np.array_equal(samples, made[0].samples)
    assert drawn.stat().st_size > 1000


def test_the_command_line_knows_sound(folder, tmp_path, capfd):
    model, codes = tmp_path / "m.isthmus", tmp_path / "codes.csv"
    fit = ["fit", folder, "--epochs", 1, "--quiet", "--out", model]
    assert run(list(map(str, fit))) == 0
    assert run(["encode", str(model), str(folder), "--out", str(codes)]) == 0
    lines = codes.read_text().splitlines()
    assert len(lines) == 15
    assert lines[1].startswith(f'0,"{folder}/a/00.wav",')
    capfd.readouterr()
    assert run(["fit", str(folder), "--dry-run"]) == 0
    assert "14 recordings, windows of 0.256 s of log-mel" in capfd.readouterr().out
    assert run(["score", str(model), str(folder), "--top", "2"]) == 0
    assert len(capfd.readouterr().out.splitlines()) == 3
    assert run(["score", str(model), str(folder), "--out", str(codes)]) == 0
    assert codes.read_text().splitlines()[1].startswith(f'0,"{folder}/a/00.wav",-')


def test_odd_sound_is_found():
    lots = np.random.default_rng(3)
    usual = [tone(440, 2400, lots) for _ in range(40)]
    odd = [lots.normal(size=2400).astype(np.float32) for _ in range(3)]
    detector = isthmus.AnomalyDetector(kind=KIND, effort="fast", verbose=0).fit(usual)
    scores = detector.score_samples([*usual, *odd])
    assert scores[40:].max() < scores[:40].min()


def test_contributions_of_bands_sum_to_scores(model):
    X = [(RATE, TONES[0]), (RATE, np.stack(TONES[:1] * 2, 1)), (RATE, TONES[-1])]
    told = model.explain(X)
    assert [c.shape[0] for c in told.contributions] == [1, 2, 1]
    assert told.contributions[0].shape == told.expected[0].shape
    sums = np.array([c.sum() for c in told.contributions]) + told.rest
    np.testing.assert_allclose(sums, model.score_samples(X), rtol=1e-6)
    np.testing.assert_allclose(sums[0], sums[1], rtol=1e-6)
    mel = Mel(RATE, 40).log(
        torch.from_numpy(TONES[0] / np.sqrt((TONES[0] ** 2).mean()))
    )
    np.testing.assert_allclose(told.actual[0][0], mel, atol=1e-4)


@pytest.mark.parametrize("task", ["Sampler", "PretrainedClassifier"])
def test_what_takes_no_sound_says_so(task):
    made = getattr(isthmus, task)(kind=KIND, verbose=0)
    given = [TONES] if task == "Sampler" else [TONES, [0, 1] * 7]
    with pytest.raises(ValueError, match="Got audio"):
        made.fit(*given)


def test_windows_of_a_folder_are_no_more_than_its_frames(folder, model):
    """Nothing is stored twice, however much windows overlap."""
    rows = model._read(folder)[0].rows
    data = model._converter.encode(rows)
    frames = sum(model._converter._steps(s) for s in rows.sounds)
    padded = sum(max(model._converter._steps(s), 16) for s in rows.sounds)
    assert frames < len(data.x) == padded


def test_colours_of_noise():
    """Power falls as it should, and the variance stays 1."""
    layout = Layout.of(1, 4096)
    for slope in (0.0, 1.0, 2.0):
        torch.manual_seed(0)
        noise = GaussianNoise(scale=1.0, slope=slope)
        x = noise(torch.zeros(200, 1, 4096), layout).x[:, 0].double()
        assert abs(float(x.square().mean()) - 1) < (0.2 if slope == 2 else 0.03)
        power = torch.fft.rfft(x).abs().square().mean(0)
        octaves = torch.tensor([power[k : 2 * k].mean() for k in (16, 64, 256, 1024)])
        falls = octaves.log2().diff() / 2
        meant = torch.full((3,), -slope).double()
        torch.testing.assert_close(falls, meant, atol=0.1, rtol=0)


def test_a_gain_of_one_gives_the_sound_back():
    """And one half half of it: y = S^-1(g S x), whatever the network."""
    made = Spectral(channels=(4,), frame=16)
    event = torch.Size([1, 100])
    features, params = 3, event
    sizes = Sizes(event, event, features, 2, params)
    encoder, decoder = made.build(sizes)
    x = torch.randn(5, 1, 100)
    past = encoder(x, Context())[:, features:]
    for logit in (20.0, 0.0):
        decoder.up.forward = lambda z, g=logit: torch.full((len(z), 1, 9, 13), g)
        y = decoder(torch.cat([torch.zeros(5, 2), past], 1))
        gain = 1 / (1 + np.exp(-logit))
        torch.testing.assert_close(y, gain * x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("steps", [96, 97, 103])
def test_gains_are_as_loud_at_the_end_as_elsewhere(steps):
    made = Spectral(channels=(4,), frame=16)
    event = torch.Size([1, steps])
    encoder, decoder = made.build(Sizes(event, event, 3, 2, event))
    x = torch.randn(50, 1, steps)
    past = encoder(x, Context())[:, 3:]
    assert past.shape[1] == made.past(Sizes(event, event, 3, 2, event))
    logits = torch.randn(50, 1, 9, 1 + steps // 8)
    decoder.up.forward = lambda z: 3 * logits[: len(z)]
    found = decoder(torch.cat([torch.zeros(50, 2), past], 1)).abs()
    assert found[..., -8:].max() < 1.5 * found[..., :-8].max()


@pytest.mark.parametrize("frame", [1, 3, 7, 0])
def test_frames_have_a_middle(frame):
    with pytest.raises(RecipeError, match="frame"):
        Spectral(frame=frame)
