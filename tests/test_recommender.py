"""A recommender finds what was planted, from a user's row alone."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy.sparse import csr_matrix, random_array
from sklearn.base import clone

import isthmus
from isthmus.errors import DataError, IsthmusWarning, RecipeError
from isthmus.layout import Layout
from isthmus.model import AutoencoderModule
from isthmus.recommendation import deep, linear, metrics
from isthmus.recommendation.batches import dense, sparse
from isthmus.recommendation.linear import Linear, Settings, solved
from isthmus.recommendation.ranking import ranked
from isthmus.recommendation.recency import recent
from isthmus.recommendation.recipes import recipe_of
from isthmus.recommendation.sampled import Sampled
from isthmus.recommendation.splits import held_out
from isthmus.training import seeded

METHODS = ["ease", "mult_dae", "mult_vae", "blend"]
SHORT = isthmus.Training(epochs=30, batch_size=32, learning_rate=5e-3)
FIXED = {"ridge": 10, "evenness": 0.5, "dropout": 0.2, "discount": 0, "recency": 0}


def interactions(users=200, seed=0):
    """Users of three tastes; each turns to half of the ten items of a taste."""
    rng = np.random.default_rng(seed)
    tastes = rng.integers(0, 3, users)
    rows = [
        (f"u{u}", f"i{10 * taste + item}", 5 - place, 100 * place + u)
        for u, taste in enumerate(tastes)
        for place, item in enumerate(rng.choice(10, 5, replace=False))
    ]
    return pd.DataFrame(rows, columns=["user_id", "itemId", "rating", "timestamp"])


def matrix(users=60, items=25, density=0.2, seed=0):
    """Zeros and ones, by chance; one user has none."""
    rng = np.random.default_rng(seed)
    made = (rng.random((users, items)) < density).astype(np.float32)
    made[3] = 0
    return csr_matrix(made)


def small(method, **keywords):
    usual = {"size": 8, "training": SHORT, "verbose": 0, **FIXED}
    return isthmus.Recommender(method, **{**usual, **keywords})


@pytest.fixture(scope="module", params=METHODS)
def fitted(request):
    return small(request.param).fit(interactions())


# --------------------------------------------------------------------- recommendation


def test_strangers_get_items_of_their_taste_that_they_lack(fitted):
    strangers = interactions(users=50, seed=1)
    found = fitted.recommend(strangers, top=4)
    own = strangers.groupby("user_id")["itemId"].agg(set)
    assert list(found.columns) == ["user_id", "rank", "itemId", "score"]
    assert (found.groupby("user_id")["rank"].agg(list).map(len) == 4).all()
    assert not any(
        i in own[u] for u, i in zip(found["user_id"], found["itemId"], strict=True)
    )
    taste = own.map(lambda items: min(int(i[1:]) // 10 for i in items))
    right = found["itemId"].str[1:].astype(int) // 10 == found["user_id"].map(taste)
    assert right.mean() > 0.95


def test_reasons_are_items_of_the_user(fitted):
    strangers = interactions(users=5, seed=1)
    why = fitted.explain(strangers, top=2, reasons=2)
    own = strangers.groupby("user_id")["itemId"].agg(set)
    assert all(i in own[u] for u, i in zip(why["user_id"], why["because"], strict=True))
    assert (why["effect"] > 0).all()
    assert 15 <= len(why) <= 5 * 2 * 2


def test_similar_items_are_of_one_taste(fitted):
    found = fitted.similar_items(["i3", "i25"], top=5)
    assert [{int(i[1:]) // 10 for i in row} for row in found.items] == [{0}, {2}]
    with pytest.raises(DataError, match="no item 'i99'"):
        fitted.similar_items("i99")


def test_codes_of_users_and_items_live_in_one_space(fitted):
    assert fitted.transform(interactions(users=7)).shape == (7, 8)
    assert fitted.item_embeddings_.shape == (30, 8)
    one = interactions().iloc[[0]]
    place = list(fitted.items_).index(one["itemId"].iloc[0])
    np.testing.assert_allclose(
        fitted.transform(one)[0], fitted.item_embeddings_[place], atol=1e-6
    )


def test_a_saved_recommender_is_the_same(fitted, tmp_path):
    isthmus.save(fitted, tmp_path / "r.isthmus")
    loaded = isthmus.load(tmp_path / "r.isthmus")
    some = interactions(users=20, seed=2)
    pd.testing.assert_frame_equal(loaded.recommend(some), fitted.recommend(some))
    assert np.array_equal(loaded.transform(some), fitted.transform(some))
    assert loaded.figures_ == fitted.figures_
    assert clone(loaded).get_params() == clone(fitted).get_params()


def test_answers_do_not_depend_on_company(fitted):
    some = interactions(users=40, seed=3)
    alone = some[some["user_id"] == "u7"]
    together = fitted.recommend(some)
    pd.testing.assert_frame_equal(
        together[together["user_id"] == "u7"].reset_index(drop=True),
        fitted.recommend(alone),
    )


def test_the_same_seed_gives_the_same_bits():
    one, two = (small("blend").fit(interactions()) for _ in range(2))
    some = interactions(users=20, seed=2)
    pd.testing.assert_frame_equal(one.recommend(some), two.recommend(some))


def test_a_user_of_whom_nothing_is_known_gets_what_is_popular():
    rows = matrix()
    model = small("ease").fit(rows)
    nobody = csr_matrix((1, 25), dtype=np.float32)
    popular = np.argsort(-rows.getnnz(axis=0), kind="stable")
    assert np.array_equal(model.recommend(nobody, 5).items[0], popular[:5])


def test_few_items_left_are_fewer_recommendations():
    rows = np.ones((30, 6)) - np.eye(30, 6)
    model = small("ease").fit(rows)
    found = model.recommend(rows, top=4)
    assert (found.items[:6, 0] == np.arange(6)).all()
    assert (found.items[:, 1:] == -1).all()
    assert (model.recommend(rows, top=4, seen=True).items >= 0).all()


# ------------------------------------------------------------------------- containers


@pytest.mark.parametrize("kind", [pl.DataFrame, pa.Table.from_pandas])
def test_every_container_gives_the_same_answers(kind):
    frame = interactions()
    model = small("ease").fit(frame)
    other = small("ease").fit(kind(frame))
    found = other.recommend(kind(frame))
    assert type(found) is type(kind(frame))
    pd.testing.assert_frame_equal(
        model.recommend(frame), found.to_pandas(), check_dtype=False
    )


def test_a_file_and_a_matrix_give_the_same_answers(tmp_path):
    frame = interactions()
    frame.to_csv(tmp_path / "r.csv", index=False)
    model = small("ease").fit(tmp_path / "r.csv")
    users, items = (pd.factorize(frame[name]) for name in ("user_id", "itemId"))
    wide = csr_matrix((np.ones(len(frame)), (users[0], items[0])))
    found = small("ease", validation=0).fit(wide).recommend(wide)
    by_name = small("ease", validation=0).fit(frame).recommend(frame)
    assert list(items[1][found.items.ravel()]) == list(by_name["itemId"])
    assert list(model.items_) == list(items[1])
    assert found.items.dtype == np.int64


def test_a_wide_frame_has_names_for_users_and_items():
    wide = pd.crosstab(*(interactions()[name] for name in ("user_id", "itemId")))
    found = small("ease").fit(wide).recommend(wide, 3)
    assert set(found["user"]) == set(wide.index)
    assert set(found["item"]) <= set(wide.columns)


def test_what_counts_as_an_interaction_can_be_said():
    frame = interactions()
    liked = small("ease", threshold=3).fit(frame)
    kept = frame[frame["rating"] >= 3]
    pd.testing.assert_frame_equal(
        liked.recommend(kept), small("ease").fit(kept).recommend(kept)
    )
    once = small("ease").fit(pd.concat([frame, frame])).recommend(frame)
    pd.testing.assert_frame_equal(once, small("ease").fit(frame).recommend(frame))
    weighted = small("ease", weighted=True).fit(frame).recommend(frame)
    assert not weighted.equals(once)


def test_unknown_items_are_set_aside_with_a_warning():
    model = small("ease").fit(interactions())
    asked = pd.DataFrame({"user_id": ["a", "a"], "itemId": ["i1", "new"]})
    with pytest.warns(IsthmusWarning, match="1 items are not known.*'new'"):
        found = model.recommend(asked)
    pd.testing.assert_frame_equal(found, model.recommend(asked[:1]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": {"itemId": "thing"}}, "Which column holds the items"),
        ({"columns": {"itemId": "thing", "user_id": "who"}}, "could not convert"),
    ],
)
def test_columns_that_are_not_known_are_asked_for(change, said):
    frame = interactions().rename(**change)
    with pytest.raises(ValueError, match=said):
        small("ease").fit(frame)
    found = small("ease", item="thing", user=frame.columns[0]).fit(frame)
    assert len(found.items_) == 30


def test_what_cannot_be_is_refused():
    frame = interactions()
    with pytest.raises(DataError, match="lacks a name in row 2"):
        small("ease").fit(frame.assign(itemId=frame["itemId"].where(frame.index != 2)))
    with pytest.raises(DataError, match="weights below 0"):
        small("ease", weighted=True).fit(frame.assign(rating=-1))
    with pytest.raises(RecipeError, match="Did you mean 'ease'"):
        small("eas").fit(frame)
    with pytest.raises(DataError, match="no column"):
        small("ease", user="nobody").fit(frame)
    with pytest.raises(RecipeError, match="Did you mean 'ndcg'"):
        small("ease", measure="ndgc@10").fit(frame)
    with pytest.raises(RecipeError, match="such as 'ndcg@10'"):
        small("ease", measure="ndcg").fit(frame)
    with pytest.raises(RecipeError, match="validation must be a number"):
        small("ease", validation=1.0).fit(frame)


def test_too_many_items_for_their_square_are_refused(monkeypatch):
    monkeypatch.setattr(linear, "free_bytes", lambda: 1000)
    with pytest.raises(
        DataError, match="25 items.*Use\nmethod='mult_vae'".replace("\n", " ")
    ):
        small("ease").fit(matrix())


# -------------------------------------------------------------------------- arithmetic


def test_each_column_of_the_linear_model_is_a_ridge_regression_without_itself():
    rows = matrix()
    settings = Settings(ridge=3.0, dropout=0.4, evenness=0.5, discount=0.1)
    x = rows.toarray().astype(np.float64)
    many = np.maximum(x.sum(1), 1)
    w = (many / many.mean()) ** -0.5
    gram = x.T @ (w[:, None] * x)
    cost = 3.0 + 0.4 / 0.6 * np.diag(gram)
    found = solved(rows, settings).weights
    for j in range(25):
        others = np.arange(25) != j
        left = gram[np.ix_(others, others)] + np.diag(cost[others])
        expected = np.linalg.solve(left, gram[others, j]) / max(x[:, j].sum(), 1) ** 0.1
        np.testing.assert_allclose(found[others, j], expected, atol=1e-5)
        assert found[j, j] == 0


def test_the_effect_of_an_item_is_what_the_score_loses():
    rows = matrix()
    model = solved(rows, Settings())
    row, items = rows[0], np.array([2, 5])
    for place, seen in enumerate(row.indices):
        without = row.toarray()
        without[0, seen] = 0
        fall = (model.scores(row) - model.scores(csr_matrix(without)))[0, items]
        np.testing.assert_allclose(model.effects(row, items)[place], fall, atol=1e-6)


def by_hand(ranked, relevant, k, truncated=False):
    """Every figure of a ranking, user by user, straight from its definition."""
    recall, ndcg, mrr, hit = [], [], [], []
    for items, wanted in zip(ranked, relevant, strict=True):
        if not wanted:
            continue
        gains = [float(i in wanted) for i in items[:k]]
        best = sum(1 / np.log2(r + 2) for r in range(min(k, len(wanted))))
        recall.append(sum(gains) / (min(k, len(wanted)) if truncated else len(wanted)))
        ndcg.append(sum(g / np.log2(r + 2) for r, g in enumerate(gains)) / best)
        mrr.append(next((1 / (r + 1) for r, g in enumerate(gains) if g), 0.0))
        hit.append(float(any(gains)))
    found = {"recall": recall, "ndcg": ndcg, "mrr": mrr, "hit": hit}
    shown = {i for items in ranked for i in items[:k] if i >= 0}
    return {f"{n}@{k}": np.mean(v) for n, v in found.items()} | {"shown": len(shown)}


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("truncated", [False, True])
def test_figures_are_those_of_their_definitions(k, truncated):
    rng = np.random.default_rng(0)
    relevant = matrix(seed=1)
    rankings = np.array([rng.permutation(25)[:12] for _ in range(60)])
    rankings[5, 4:] = -1  # nothing was left
    sets = [set(relevant[u].indices.tolist()) for u in range(60)]
    expected = by_hand(rankings.tolist(), sets, k, truncated)
    found = metrics.figures(rankings, relevant, k, truncated=truncated)
    assert found.pop(f"coverage@{k}") == expected.pop("shown") / 25
    assert found == pytest.approx(expected)


def test_a_ranking_sorts_by_score_and_then_by_place():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, (40, 30)).astype(np.float32)
    hidden = matrix(40, 30)
    order = [
        [
            i
            for i in sorted(range(30), key=lambda i: (-line[i], i))
            if i not in set(gone)
        ]
        for line, gone in zip(
            scores, (hidden[u].indices for u in range(40)), strict=True
        )
    ]
    numbered = csr_matrix(np.arange(1, 41, dtype=np.float32)[:, None] * np.eye(1, 30))

    def found(rows):
        return scores[rows.data.astype(int) - 1].copy()

    assert ranked(found, numbered, 6, hidden).items.tolist() == [o[:6] for o in order]


def test_a_share_of_every_user_is_held_out_the_latest_if_times_are_known():
    rows = csr_matrix(random_array((50, 40), density=0.3, rng=0, format="csr"))
    times = rows.copy()
    for given in (None, times):
        kept, out, when = held_out(rows, 0.2, 0, given)
        assert given is None or (when != kept).nnz == 0
        assert ((kept + out) != rows).nnz == 0
        many = rows.getnnz(axis=1)
        assert (out.getnnz(axis=1) == np.maximum((0.2 * many).astype(int), 1)).all()
    for user in range(50):
        assert kept[user].data.max() <= out[user].data.min()


def test_recent_interactions_count_by_how_many_are_later():
    rows = csr_matrix(random_array((30, 20), density=0.4, rng=0, format="csr"))
    times = rows.copy()
    times.data = np.floor(9 * times.data)  # some at once
    found = recent(rows, times, 0.7)
    for user in range(30):
        when = times[user].data
        later = np.array([(when > one).sum() for one in when])
        expected = rows[user].data * (1 + later) ** -0.7
        np.testing.assert_allclose(found[user].data, expected, rtol=1e-6)
    assert recent(rows, times, 0) is recent(rows, None, 0.7) is rows


def test_recency_follows_what_was_last(tmp_path):
    rng = np.random.default_rng(0)  # people move from one taste to another
    rows = [
        (user, 8 * taste + item, 10 * stage + place)
        for user in range(200)
        for stage, taste in enumerate(rng.choice(5, 2, replace=False))
        for place, item in enumerate(rng.choice(8, rng.integers(3, 6), replace=False))
    ]
    frame = pd.DataFrame(rows, columns=["user", "item", "time"])
    last = frame.groupby("user")["item"].last() // 8

    def of_the_last_taste(model):
        found = model.recommend(frame, 3)
        return (found["item"] // 8 == found["user"].map(last)).mean()

    model = small("ease", recency=2).fit(frame)
    assert of_the_last_taste(model) > of_the_last_taste(small("ease").fit(frame)) + 0.2
    isthmus.save(model, tmp_path / "r.isthmus")
    loaded = isthmus.load(tmp_path / "r.isthmus")
    pd.testing.assert_frame_equal(loaded.recommend(frame), model.recommend(frame))
    assert small("ease", recency=None).fit(frame).figures_["recency"] >= 0


def test_what_is_held_out_may_be_given():
    frame = interactions()
    late = frame["timestamp"] >= 400
    model = small("ease").fit(frame[~late], validation=frame[late])
    figures = model.evaluate(frame[~late], held_out=frame[late])
    assert model.figures_["ndcg@10"] == pytest.approx(figures["ndcg@10"])
    assert figures["recall@10"] > 0.9
    assert 0 < model.score(frame) <= 1
    assert isinstance(model.model_, Linear)


# ---------------------------------------------------------------------- very many items


def module(items=25):
    recipe = recipe_of(small("mult_vae"), "mult_vae")
    with seeded(0, torch.device("cpu")):
        return AutoencoderModule(recipe, Layout.of(items, content="count"))


def test_with_all_items_drawn_the_loss_is_that_of_all_items():
    rows, whole = matrix(), module()
    trace = whole(dense(rows), chance=False)
    some = Sampled(whole, 25)(sparse(rows), chance=False)
    torch.testing.assert_close(some.distortion, trace.distortion)


def test_with_some_items_drawn_the_sum_of_the_softmax_is_right_on_average():
    rows, whole = matrix(4, 60, density=0.05), module(60)
    logits = whole(dense(rows), chance=False).params
    torch.manual_seed(0)
    sampled = Sampled(whole, 20)
    draws = [sampled(sparse(rows), chance=False).params for _ in range(400)]
    assert draws[0].shape == (4, 20)
    total = torch.stack([d.exp().sum(-1) for d in draws]).mean(0)
    torch.testing.assert_close(total, logits.exp().sum(-1), rtol=0.05, atol=0)


def test_gradients_of_some_items_reach_the_weights_of_those_alone():
    rows, whole = matrix(4, 60, density=0.05), module(60)
    sampled = Sampled(whole, 20)
    sampled.loss(sampled(sparse(rows), chance=False))[0].backward()
    moved = whole.decoder.layers[-1].weight.grad.abs().sum(1) > 0
    assert moved.sum() == 20
    assert moved[rows.indices].all()


def test_very_many_items_are_learned_some_at_a_time(monkeypatch):
    monkeypatch.setattr(deep, "MANY", 20)
    monkeypatch.setattr(deep, "DRAWN", 15)
    model = small("mult_vae").fit(interactions())
    strangers = interactions(users=50, seed=1)
    found = model.recommend(strangers, top=4)
    taste = strangers.groupby("user_id")["itemId"].first().str[1:].astype(int) // 10
    right = found["itemId"].str[1:].astype(int) // 10 == found["user_id"].map(taste)
    assert right.mean() > 0.95
    own = small("mult_vae", autoencoder=isthmus.Autoencoder(corruption="masking"))
    with pytest.raises(RecipeError, match="learned some at a time"):
        own.fit(interactions())


def test_texts_are_no_interactions():
    with pytest.raises(DataError, match="matrix \\(users, items\\), or a table"):
        isthmus.Recommender().fit(["some words", "other words"])
