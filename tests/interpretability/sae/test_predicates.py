"""Names of features by what is true of tokens, without a judge."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability import ActivationCache
from sdialog.interpretability.sae import (
    PredicateNames,
    SAEConfig,
    SparseAutoencoder,
    name_by_predicates,
    page,
    passages,
    top_examples,
)
from sdialog.interpretability.sae._predicate_naming import _joined

SITE = "layers.1.resid_post"
SAID = "role(user) | role(assistant)"
GREETINGS = ("Hello", "Hi", "Good morning")
WISHES = ("I want my money back.", "May I ask you to help me?", "I do not have that.", "Is there anything else?")


@pytest.fixture
def cache():
    """Forty small dialogs as the embedded model reads them."""
    said = []
    for number in range(40):
        wish, other = WISHES[number % 4], WISHES[(number // 4) % 4]
        turns = [Turn(speaker="Ann", text=f"{GREETINGS[number % 3]}! {wish}"), Turn(speaker="Ava", text=other)]
        said.append(Dialog(turns=turns, id=f"d{number}"))
    return ActivationCache.record("embedded:mini", said, SITE, SAID)


def planted(cache, *wanted) -> SparseAutoencoder:
    """Write features into a cache, 1 where a row is wanted, and return a dictionary that reads them."""
    cache[SITE][:] = 0
    cache[SITE][:, : len(wanted)] = np.stack(wanted, axis=1)
    eye = torch.eye(192)[:, : len(wanted)]
    zeros = torch.zeros(len(wanted)), torch.zeros(192)
    weights = {"W_enc": eye, "W_dec": eye.T, "b_enc": zeros[0], "b_dec": zeros[1]}
    return SparseAutoencoder(SAEConfig(192, len(wanted), "standard", sites=(SITE,)), weights)


def named(cache, sae, **options):
    return name_by_predicates(sae, cache, seed=0, support=5, **options)


def test_features_get_the_names_that_were_planted(cache):
    text, role = cache.labels["text"], cache.labels["role"]
    after = np.append(text[1:], "")
    sae = planted(
        cache, text == "Hello", (text == ".") & (role == "assistant"), after == "Ġwant", text == "no such word"
    )
    found = named(cache, sae, least=0.6)
    token, said, before, nothing = found.names
    assert token.named
    assert token.predicate.text == "the token “Hello”"
    assert (token.f1, token.precision, token.recall, token.mass) == (1, 1, 1, 1)
    assert said.predicate.text == "“.” said by the assistant"
    assert before.predicate.column == "next"
    assert before.predicate.values == (" want",)
    assert not nothing.named
    assert nothing.predicate is None
    assert nothing.f1 is None, "no number of what is not there"
    assert [one.feature for one in found.named] == sorted(one.feature for one in found.names if one.named)
    assert found.by_chance == 0
    assert found.chosen_on + found.held_out == len(cache)


def test_simple_statements_are_preferred_and_values_joined_only_where_that_helps(cache):
    text = cache.labels["text"]
    sae = planted(cache, (text == "Hello") | (text == "Hi"), cache.labels["role"] == "assistant")
    either, role = named(cache, sae).names
    assert set(either.predicate.values) == {"Hello", "Hi"}
    assert role.predicate.text == "said by the assistant"
    one_each = named(cache, sae, most_values=1).names[0]
    assert len(one_each.predicate.values) == 1
    assert one_each.f1 < either.f1


def test_what_else_is_known_of_tokens_can_be_a_name(cache):
    turn = cache.labels["turn"]
    # What no other respect tells: every other dialog's first turn.
    kind = [
        ("even" if n % 2 == 0 else "odd") if t == 0 else None for n, t in zip(cache.labels["dialog"], turn, strict=True)
    ]
    sae = planted(cache, [one == "odd" for one in kind])
    without, with_kind = named(cache, sae).names[0], named(cache, sae, labels={"kind": kind}).names[0]
    assert with_kind.f1 == 1
    assert with_kind.predicate.text == "kind is “odd”"
    assert without.f1 < 0.9
    with pytest.raises(UserError, match="2 kind; give one for each"):
        named(cache, sae, labels={"kind": ["a", "b"]})


def test_a_name_is_scored_on_dialogs_that_did_not_choose_it(cache):
    """A feature that means one thing in the choosing dialogs and another in the others is refused."""
    text, dialog = cache.labels["text"], cache.labels["dialog"]
    sae = planted(cache, np.where(dialog < 20, text == ".", text == "?"))
    found = named(cache, sae, held_out=[f"d{n}" for n in range(20, 40)]).names[0]
    assert found.chosen_f1 > found.f1
    assert not found.named
    assert "does not reach 0.8" in found.reason


def test_names_are_refused_where_there_is_too_little(cache):
    sae = planted(cache, cache.labels["text"] == "Hello")
    few = name_by_predicates(sae, cache, seed=0, support=10_000).names[0]
    assert few.predicate is None
    assert "nothing is true" in few.reason
    with pytest.raises(UserError, match="two of each at least"):
        name_by_predicates(sae, cache.select(dialog=[0, 1, 2]), seed=0)
    with pytest.raises(UserError, match="means by turn"):
        name_by_predicates(sae, cache.mean(by="turn"), seed=0)
    for wrong in ({"least": 1.0}, {"active_above": -0.1}, {"held_out": 0.0}):
        with pytest.raises(ConfigError, match="share"):
            name_by_predicates(sae, cache, seed=0, **wrong)


def test_names_stand_on_cards_and_results_survive_json(cache):
    sae = planted(cache, cache.labels["text"] == "Hello", cache.labels["text"] == "no such word")
    found = named(cache, sae)
    cards = found.put_on(top_examples(sae, passages(cache), [0, 1], seed=0))
    assert cards[0].name.name == "the token “Hello”"
    assert cards[0].name.model == "predicates"
    assert cards[1].name is None
    assert "Feature 0: the token “Hello”" in page(cards)
    assert "F1 1.00" in page(cards)
    told = json.loads(json.dumps(found.json()))
    assert told["names"][0]["predicate"] == {"column": "token", "values": ["Hello"], "text": "the token “Hello”"}
    assert told["names"][1]["predicate"] is None
    assert "1 of 2 features named" in found.table()
    assert isinstance(found, PredicateNames)
    assert named(cache, sae) == found


def test_passages_are_the_dialogs_of_a_cache(cache):
    found = passages(cache)
    assert [one.source for one in found] == [f"d{n}" for n in range(40)]
    assert "".join(found[0].tokens) == "Hello! I want my money back.\nI want my money back."
    assert sum(len(one.values) for one in found) == len(cache)
    assert [one.source for one in passages(cache, dialogs=["d3", "d7"])] == ["d3", "d7"]
    with pytest.raises(UserError, match="means by dialog"):
        passages(cache.mean(by="dialog"))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6), st.integers(1, 4))
def test_joined_values_are_each_taken_once_and_never_worse_than_one(counts, most):
    hits = torch.tensor([[float(a)] for a, _ in counts], dtype=torch.float64)
    sizes = torch.tensor([float(a + b) for a, b in counts], dtype=torch.float64).clamp_min(1)
    total = hits.sum(dim=0) + 3
    ((f1, values),) = _joined(hits, sizes, total, most)
    assert len(set(values)) == len(values) <= most
    alone = (2 * hits[:, 0] / (sizes + total)).max()
    assert f1 >= float(alone) - 1e-12
    if values:
        chosen = list(values)
        assert f1 == pytest.approx(float(2 * hits[chosen].sum() / (sizes[chosen].sum() + total)))
