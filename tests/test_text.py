"""Texts pass through the same door as tables, as counts of words."""

import itertools
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

import isthmus
from isthmus.data.forms import Text
from isthmus.data.groups import groups, vectors
from isthmus.data.words import NEAR, windows
from isthmus.errors import DataError, IsthmusWarning, RecipeError
from isthmus.metrics import npmi, topic_diversity

QUICK = {"size": 4, "epochs": 2, "verbose": 0}
SUBJECTS = [
    ["goal", "match", "team", "player", "coach", "league", "score", "win"],
    ["bank", "market", "share", "profit", "price", "trade", "growth", "rate"],
    ["film", "actor", "award", "scene", "director", "star", "music", "song"],
    ["court", "law", "judge", "police", "trial", "crime", "case", "prison"],
]


def documents(count=120, seed=0):
    """Texts of one subject each, with some words that stand everywhere."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=count)
    made = [
        " ".join(rng.permutation([*rng.choice(SUBJECTS[k], 12), "new", "year"]))
        for k in labels
    ]
    return made, labels


TEXTS, LABELS = documents()
COLUMN = pd.Series(TEXTS, name="review")
FORMS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "array": np.array(TEXTS),
    "objects": np.array(TEXTS, dtype=object),
    "column of an array": np.array(TEXTS, dtype=object)[:, None],
    "series": COLUMN,
    "frame": COLUMN.to_frame(),
    "polars series": pl.Series("review", TEXTS),
    "polars": pl.DataFrame({"review": TEXTS}),
    "arrow": pa.table({"review": TEXTS}),
    "chunked": pa.chunked_array([TEXTS[:50], TEXTS[50:]]),
}


@pytest.fixture(scope="module")
def model():
    return isthmus.Autoencoder(**QUICK).fit(TEXTS)


@pytest.fixture(scope="module")
def topics():
    return isthmus.topics(4, epochs=30, learning_rate=0.01, verbose=0).fit(TEXTS)


# ------------------------------------------------------------------------ what is taken


@pytest.mark.parametrize("form", FORMS)
def test_equal_texts_have_equal_codes(form, model):
    made = isthmus.Autoencoder(kind="text", **QUICK).fit(FORMS[form])
    assert np.array_equal(made.transform(FORMS[form]), model.transform(TEXTS))


@pytest.mark.parametrize("form", [f for f in FORMS if f != "column of an array"])
def test_texts_are_known_by_their_looks(form, model):
    made = isthmus.Autoencoder(**QUICK).fit(FORMS[form])
    assert [found.kind for found in made.columns_] == ["text"]
    assert np.array_equal(made.transform(TEXTS), model.transform(TEXTS))


def test_a_column_of_a_table_is_found_by_name(model):
    table = pd.DataFrame({"stars": LABELS, "review": TEXTS, "note": "x"})
    kind = isthmus.Text(column="review")
    made = isthmus.Autoencoder(kind=kind, **QUICK).fit(table)
    assert list(made.feature_names_in_) == ["review"]
    codes = made.transform(table[["review", "stars"]])
    assert np.array_equal(codes, model.transform(TEXTS))
    with pytest.raises(DataError, match=r"no column 'review'\. Known: stars"):
        made.transform(table[["stars"]])
    with pytest.raises(DataError, match="Which column holds the texts"):
        isthmus.Autoencoder(kind="text", **QUICK).fit(table)


def test_words_are_those_of_scikit_learn():
    kind = isthmus.Text(min_df=0.1, max_df=60, max_features=20, ngram_range=(1, 2))
    made = isthmus.Autoencoder(kind=kind, **QUICK).fit(TEXTS)
    peer = CountVectorizer(min_df=0.1, max_df=60, max_features=20, ngram_range=(1, 2))
    counts = peer.fit_transform(TEXTS)
    assert list(made._converter.names) == list(peer.get_feature_names_out())
    assert np.array_equal(made.standardize(TEXTS), counts.toarray())


def test_hashed_words_need_no_vocabulary():
    made = isthmus.Autoencoder(kind=isthmus.Text(hashed=64), **QUICK).fit(TEXTS)
    assert made.standardize(TEXTS).shape == (len(TEXTS), 64)
    assert made.standardize(["wombat"]).sum() == 1  # never seen, and counted


def test_a_saved_model_knows_its_words(topics, tmp_path):
    kind = isthmus.Text(column="review", stop_words=("new", "year"), min_df=1)
    made = isthmus.Autoencoder(kind=kind, **QUICK).fit(FORMS["frame"])
    for model in (made, topics):
        isthmus.save(model, tmp_path / "m.isthmus")
        loaded = isthmus.load(tmp_path / "m.isthmus")
        assert loaded.kind == model.kind
        for ask in ("transform", "score_samples", "reconstruct"):
            answer = getattr(model, ask)(FORMS["frame"])
            assert np.array_equal(getattr(loaded, ask)(FORMS["frame"]), answer)


def test_a_code_depends_on_its_text_alone(model):
    codes = model.transform(TEXTS)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    assert np.array_equal(model.transform([TEXTS[i] for i in order]), codes[order])
    assert np.array_equal(model.transform(TEXTS[3:5]), codes[3:5])


def test_contributions_of_words_add_up(model):
    told = model.explain(TEXTS[:10])
    sums = told.contributions.sum(axis=1) + told.rest
    np.testing.assert_allclose(sums, model.score_samples(TEXTS[:10]))


# ----------------------------------------------------------------------- what is odd


def test_texts_without_a_known_word_share_the_code_of_nothing(model):
    with pytest.warns(IsthmusWarning, match="3 of 4 texts hold no word that fitting"):
        codes = model.transform(["", "wombat", None, TEXTS[0]])
    assert (codes[:3] == codes[0]).all()
    assert np.isfinite(codes).all()
    assert np.array_equal(codes[3:], model.transform(TEXTS[:1]))


@pytest.mark.parametrize("hashed", [None, 64])
def test_a_detector_of_texts_scores_by_the_word(hashed, tmp_path):
    rng = np.random.default_rng(0)
    words = ["goal", "match", "team", "player", "coach", "league", "score", "win"]
    texts = [" ".join(rng.choice(words, rng.integers(4, 40))) for _ in range(120)]
    texts += [f"goal rare{k}" for k in range(8)]
    kind = isthmus.Text(max_df=1.0, hashed=hashed)
    own = isthmus.Autoencoder(size=3, epochs=5)
    detector = isthmus.AnomalyDetector(kind=kind, verbose=0, autoencoder=own).fit(texts)
    scores, lengths = detector.score_samples(texts), [len(t.split()) for t in texts]
    assert abs(np.corrcoef(scores[:120], lengths[:120])[0, 1]) < 0.7
    isthmus.save(detector, tmp_path / "d.isthmus")
    loaded = isthmus.load(tmp_path / "d.isthmus")
    assert np.array_equal(loaded.score_samples(texts), scores)
    told = detector.explain(texts[:9])
    np.testing.assert_allclose(told.contributions.sum(1) + told.rest, scores[:9])
    nats = detector.autoencoder_.score_samples(texts)
    if hashed:
        np.testing.assert_allclose(scores, nats / lengths)
        return
    outside = detector.autoencoder_._converter.outside
    share = (8 + 1) / (sum(lengths) + 1)  # of words too rare, one more than there are
    assert outside.inside == pytest.approx(np.log(1 - share))
    assert outside.outside == pytest.approx(np.log(share / (8 + 1)))
    known = nats[:120] / lengths[:120] + outside.inside
    np.testing.assert_allclose(scores[:120], known, rtol=1e-6)
    both = nats[120:] + outside.inside + outside.outside  # one word of each kind
    np.testing.assert_allclose(scores[120:], both / 2, rtol=1e-6)
    with pytest.warns(IsthmusWarning, match="no word that fitting has seen"):
        strange = detector.score_samples(["none of these"])
    assert strange[0] == pytest.approx(outside.outside)
    told = detector.explain(texts[120:122])
    np.testing.assert_allclose(told.rest, 0, atol=1e-5)  # of few words, no other order
    (first, *_), _ = told.top(2)
    assert first.column == told.names[-1] == "(other words)"
    assert first.actual == 1
    assert first.expected == pytest.approx(2 * share)
    assert first.contribution == pytest.approx(outside.outside / 2)
    assert strange[0] < scores[:120].min()


def test_frequent_words_are_no_strangers():
    texts = [f"the {word} {other}" for word in "abcd" for other in "efgh"]
    kind = isthmus.Text(max_df=0.5, analyzer="word", token_pattern=r"\w+")  # noqa: S106
    model = isthmus.Autoencoder(kind=kind, size=2, epochs=1, verbose=0).fit(texts)
    assert model._converter.outside.frequent == {"the"}
    rows = model._read(["the a e", "the the zz a"])[0].rows
    assert rows.oov.tolist() == [0, 1]
    assert rows.totals.tolist() == [2, 1]


def test_empty_texts_are_told_of_in_fitting():
    with pytest.warns(IsthmusWarning, match="2 of 122 rows hold no word that counts"):
        isthmus.Autoencoder(kind="text", **QUICK).fit([*TEXTS, "", " "])


def test_bad_texts_are_refused_in_a_sentence():
    model = isthmus.Autoencoder(kind="text", **QUICK)
    with pytest.raises(DataError, match=r"Row 1 holds no text, but 3\."):
        model.fit(["a b", 3])
    with pytest.raises(DataError, match="No word is left of 2 texts"):
        model.fit(["one two", "three four"])
    with pytest.raises(DataError, match="2 texts or more are needed. Got 1"):
        model.fit(TEXTS[:1])
    with pytest.raises(DataError, match="Texts are one column. Got 2"):
        model.fit(np.array([["a", "b"], ["c", "d"]]))
    with pytest.raises(RecipeError, match="Text: max_df"):
        isthmus.Text(max_df=1.5)


# --------------------------------------------------------------------------- topics


def test_topics_are_the_subjects(topics):
    found = [set(words) for words in isthmus.topic_words(topics, top=8)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, SUBJECTS))
    shares = topics.transform(TEXTS)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    mine = [found.index(set(SUBJECTS[k])) for k in LABELS]
    assert (shares.argmax(axis=1) == mine).mean() > 0.95


def test_near_by_code_are_texts_of_the_same_subject(topics):
    _, places = isthmus.nearest(topics, TEXTS, n_neighbors=3, metric="cosine")
    assert (LABELS[places] == LABELS[:, None]).mean() > 0.95


def test_topics_of_counts_are_named_by_columns():
    words = CountVectorizer(max_df=0.5)
    frame = pd.DataFrame(
        words.fit_transform(TEXTS).toarray(), columns=words.get_feature_names_out()
    )
    made = isthmus.topics(4, kind="counts", epochs=2, verbose=0).fit(frame)
    found = [set(words) for words in isthmus.topic_words(made, top=8)]
    assert sorted(map(sorted, found)) == sorted(map(sorted, SUBJECTS))
    shares, names = isthmus.topic_weights(made)
    assert (shares.shape, names) == ((4, 32), list(frame))
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-4)


def test_the_seed_alone_decides(topics):
    again = isthmus.topics(4, epochs=30, learning_rate=0.01, verbose=0).fit(TEXTS)
    assert np.array_equal(again.transform(TEXTS), topics.transform(TEXTS))


def test_only_a_model_of_topics_has_topics(model):
    with pytest.raises(RecipeError, match=r"as isthmus\.topics\(\) does"):
        isthmus.topic_words(model)


# ------------------------------------------------------------------------- arithmetic


def test_windows_are_runs_of_words():
    text = "a b c d e f g h i j k a"
    said = Text(token_pattern=r"\S+")  # noqa: S106
    words = list("abcdefghijk")
    made = windows([text, "c zz a", ""], words, said).toarray()
    cut = text.split()
    runs = [set(cut[i : i + NEAR]) for i in range(len(cut) - NEAR + 1)]
    runs += [{"c", "a"}, set()]
    assert made.tolist() == [[float(w in run) for w in words] for run in runs]


def test_entries_that_go_together_are_near():
    rng = np.random.default_rng(0)
    common = rng.random((2000, 2)) < 0.3
    present = np.repeat(common, 9, axis=1) & (rng.random((2000, 18)) < 0.8)
    made = vectors(sparse.csr_matrix(present.astype(float)))
    cosines = made @ made.T
    block = np.kron(np.eye(2), np.ones((9, 9))).astype(bool)
    assert cosines[block].min() > 0.3
    assert cosines[~block].max() < 0.2
    shares = groups(sparse.csr_matrix(present.astype(float)), 2, seed=0)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    place = shares.argmax(axis=0)
    assert sorted([set(place[:9]), set(place[9:])], key=min) == [{0}, {1}]
    assert shares[place[0], :9].sum() > 0.95
    assert shares[place[9], 9:].sum() > 0.95


def test_npmi_is_what_counting_pairs_gives():
    rng = np.random.default_rng(0)
    present = rng.random((50, 6)) < 0.4
    present[:, 5] = False
    words = list("abcdef")
    topics = [["a", "c", "e"], ["b", "d", "f"]]

    def by_hand(a, b):
        x, y = present[:, words.index(a)], present[:, words.index(b)]
        if not (x.any() and y.any()):
            return 0.0
        joint = np.mean(x & y) + 1e-12
        return np.log(joint / (x.mean() * y.mean())) / -np.log(joint)

    expected = [
        np.mean([by_hand(a, b) for a, b in itertools.combinations(topic, 2)])
        for topic in topics
    ]
    for given in (present, sparse.csr_array(3 * present), present.astype(float)):
        np.testing.assert_allclose(npmi(topics, given, words), expected, rtol=1e-9)
    with pytest.raises(DataError, match="no word 'x'"):
        npmi([["a", "x"]], present, words)


def test_npmi_of_words_that_always_meet_is_one():
    present = np.array([[1, 1, 0, 1], [0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]])
    found = npmi([["a", "b"], ["c", "d"]], present, list("abcd"))
    np.testing.assert_allclose(found, [1, 0], atol=1e-9)  # c and d: independent
    assert npmi([["a", "b"]], [[1, 1], [1, 1]], ["a", "b"]) == [1.0]


def test_diversity_counts_words_once():
    assert topic_diversity([["a", "b"], ["b", "c"]]) == 0.75


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"token_pattern": "("}, "no regular expression: missing \\)"),
        ({"token_pattern": "(a)(b)"}, "has 2 groups"),
        ({"ngram_range": (3, 1)}, r"Did you mean \(1, 3\)"),
    ],
)
def test_what_cannot_cut_texts_is_refused(said, told):
    with pytest.raises(RecipeError, match=told):
        isthmus.Text(**said)


def test_topics_have_a_number_per_word():
    model = isthmus.topics(2, likelihood="negative_binomial", epochs=1, verbose=0)
    for kind, X in (("text", TEXTS), ("counts", [[1, 2, 0], [3, 0, 1]] * 10)):
        with pytest.raises(RecipeError, match="wants more of them: take 'multinomial'"):
            model.set_params(kind=kind).fit(X)


def test_topics_of_poisson_bend_the_smallest_shares_alone():
    model = isthmus.topics(2, likelihood="poisson", epochs=1, verbose=0).fit(TEXTS)
    y = torch.tensor([[math.log(0.9), math.log(0.1), math.log(1e-7)]])
    shares = model.module_.likelihood.mean(y) / model.module_.likelihood.typical
    lifted = shares / y.softmax(-1)
    assert lifted[0].tolist() == pytest.approx([1, 1, 4], rel=0.05)


# ------------------------------------------------------------------------------ files


def test_lines_of_a_file_are_documents(model, tmp_path):
    path = tmp_path / "docs.txt"
    path.write_text("\n".join(TEXTS) + "\n", encoding="utf-8-sig")
    made = isthmus.Autoencoder(**QUICK).fit(path)
    assert np.array_equal(made.transform(str(path)), model.transform(TEXTS))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"fine\ncaf\xe9 au lait\n", "line 2: invalid continuation byte"),
        ("caf\xe9".encode("utf-16"), "line 1: .* iconv -f UTF-16 -t UTF-8"),
        (b"\n \n", "there is no text"),
    ],
)
def test_a_bad_file_of_lines_is_refused_by_name(data, told, tmp_path):
    path = tmp_path / "docs.txt"
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"docs\.txt: {told}"):
        isthmus.topics(2, verbose=0).fit(path)


def test_a_csv_file_is_read_whole(model, tmp_path):
    COLUMN.to_csv(tmp_path / "reviews.csv", index=False)
    kind = isthmus.Text(column="review")
    made = isthmus.Autoencoder(kind=kind, **QUICK).fit(tmp_path / "reviews.csv")
    assert np.array_equal(made.transform(TEXTS), model.transform(TEXTS))


def test_words_of_no_topic_come_by_how_often_they_are():
    model = isthmus.topics(4, epochs=2, verbose=0).fit(TEXTS)
    shares = model.transform(TEXTS).astype(np.float64)
    topics, words = isthmus.topic_weights(model)
    counter = CountVectorizer(vocabulary=words)
    often = np.asarray(counter.transform(TEXTS).sum(axis=0)).ravel() + 0.5
    expected = 0.9 * shares @ topics + 0.1 * often / often.sum()
    made = np.asarray(model.inverse_transform(shares), np.float64)
    made /= made.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made, expected, rtol=1e-4)
