"""Feature cards and their page."""

from __future__ import annotations

import json
import re

import pytest
import torch
from interpretability.sae.parts import (
    dialogs,
    identity_sae,
    normal,
)

from sdialog.core.errors import UserError
from sdialog.interpretability.sae import (
    FeatureCard,
    Passage,
    Window,
    logit_effects,
    page,
    top_examples,
    write_page,
)


def test_examples_are_the_strongest_and_some_of_each_strength():
    passages = dialogs()
    cards = top_examples(
        identity_sae(), passages, [1, 5], seed=0, count=8, quantiles=4, per_quantile=3, window=Window(2, 1)
    )
    card, dead = cards
    assert (dead.density, dead.largest, dead.mean_active, dead.top, dead.quantiles) == (0, 0, None, (), ())
    assert len(dead.silent) == 8
    every = torch.cat([passage.values[:, 1] for passage in passages])
    assert card.density == pytest.approx(float((every > 0).float().mean()))
    assert card.largest == pytest.approx(float(every.max()))
    assert card.mean_active == pytest.approx(float(every[every > 0].mean()))
    peaks = sorted((float(p.values[:, 1].max()) for p in passages), reverse=True)
    assert card.top[0].activation == pytest.approx(peaks[0])
    assert [one.activation for one in card.top] == sorted((one.activation for one in card.top), reverse=True)
    for one in card.examples():
        assert one.tokens[one.peak] == "refund "
        assert len(one.tokens) <= 4
        passage = passages[one.passage]
        assert one.source == passage.source
        assert one.activation == pytest.approx(float(passage.values[one.position, 1]))
    assert len({one.tokens for one in card.top}) == len(card.top), "copies of one text are dropped"
    assert len({one.passage for one in card.top}) == len(card.top)
    assert [len(group.examples) for group in card.quantiles] == [3, 3, 3, 3]
    assert all(a.low >= b.high for a, b in zip(card.quantiles, card.quantiles[1:], strict=False))
    assert all(set(one.activations) == {0.0} for one in card.silent)
    again = {"count": 8, "quantiles": 4, "per_quantile": 3, "window": Window(2, 1)}
    assert top_examples(identity_sae(), passages, [1, 5], seed=0, **again) == cards
    assert top_examples(identity_sae(), passages, [1, 5], seed=1, **again)[0].quantiles != card.quantiles
    assert FeatureCard.from_json(json.loads(json.dumps(card.json()))) == card


def test_examples_do_not_depend_on_which_other_features_are_asked_for():
    passages = dialogs(20)
    alone = top_examples(identity_sae(), passages, [1], seed=0)[0]
    both = top_examples(identity_sae(), passages, [1, 2], seed=0)[0]
    assert alone.top == both.top
    with pytest.raises(UserError, match="passage 0 has 2 tokens and 1 activations"):
        top_examples(identity_sae(), [Passage(["a", "b"], normal(1, 6))], seed=0)
    with pytest.raises(UserError, match="no tokens"):
        top_examples(identity_sae(), [], seed=0)


def test_logit_effects_are_products_with_the_unembedding():
    unembedding = torch.tensor([[2.0, 0, 0, 0, 0, 0], [-1.0, 0, 0, 0, 0, 0], [0.5, 1.0, 0, 0, 0, 0]])
    effects = logit_effects(identity_sae(), unembedding, ["yes", "no", "so"], [0], count=2)
    promoted, suppressed = effects[0]
    assert [(one.token, one.change) for one in promoted] == [("yes", 2.0), ("so", 0.5)]
    assert [(one.token, one.change) for one in suppressed] == [("no", -1.0), ("so", 0.5)]
    with pytest.raises(UserError, match=r"to be of shape \(3, 6\)"):
        logit_effects(identity_sae(), unembedding.T, ["yes", "no", "so"])


def test_the_page_stands_alone_and_escapes_what_speakers_said(tmp_path):
    sae = identity_sae()
    evil = Passage(["<script>alert(1)</script>", " &\n"], [[0, 2.0, 0, 0, 0, 0], [0, 1.0, 0, 0, 0, 0]], "<d1>")
    card = top_examples(sae, [evil, *dialogs(10)], [1], seed=0)[0]
    text = page([card], "Refunds & more")
    assert text == page([card], "Refunds & more")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;d1&gt;" in text
    assert "rgba(230, 159, 0, 1.0)" in text
    assert "rgba(230, 159, 0, 0.5)" in text
    assert not re.search(r"(src|href)=\"?(https?:|//)", text)
    assert write_page([card], tmp_path / "new" / "page.html").read_text() == page([card])
    assert card.html() == page([card])
    with pytest.raises(UserError):
        page([])
