"""Steering on a condition, with a planted topic: it acts on the topic and leaves everything else bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sdialog.backends.embedded import EmbeddedBackend
from sdialog.core.sync import run
from sdialog.interpretability import Condition, Edit, Plan, Read
from sdialog.interpretability.directions import Direction
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message

# Of the embeddings and the streams of two layers, the site with the widest margin on the sentences for validation. Deep
# in this small model the mean over a sentence holds less of its words: from layer 1 on it fires on 82 % of the topic.
CONDITION, STEERED, SPAN = "embed", "layers.2.resid_post", "turn(-1) & content"
OPENERS = (
    "Hello!",
    "Good morning.",
    "Sorry to ask again.",
    "Excuse me.",
    "I need some help.",
    "Hello, it is me.",
    "Good evening.",
    "One more thing.",
    "Hi, it is me again.",
)
QUESTIONS = (
    "What about the {}",
    "I would like to ask about the {}",
    "Could you tell me more about the {}",
    "When will the {} be ready",
    "Who can help me with the {}",
    "I am writing because of the {}",
    "I have been waiting for the {}",
    "Can you see the {} on your screen",
)
ENDS = (", please?", " since Monday.", " now?", " from last week.")
OTHERS = ("delivery", "table", "train", "booking", "room", "phone")


def sentences(openers: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    return [
        f"{opener} {question.format(word)}{end}"
        for opener in openers
        for question in QUESTIONS
        for end in ENDS
        for word in words
    ]


# The topic is one word in the same sentences. What is tested begins as nothing that was learnt from does.
FITTED, VALIDATED, TESTED = OPENERS[:4], OPENERS[4:6], OPENERS[6:]
ON, OFF = sentences(TESTED, ("refund",)), sentences(TESTED, OTHERS)[::3]


@pytest.fixture(scope="module")
def backend() -> EmbeddedBackend:
    return EmbeddedBackend("mini")


def ask(backend: EmbeddedBackend, texts: list[str], plan: Plan) -> list[GenerateResult]:
    config = GenerateConfig(max_tokens=6, seed=3, temperature=0.7)
    requests = [GenerateRequest((Message("user", text),), config, interventions=(plan,)) for text in texts]
    results = run(backend.generate(requests))
    assert not [str(result.error) for result in results if result.error]
    return results


def readings(backend: EmbeddedBackend, texts: list[str]) -> torch.Tensor:
    plan = Plan([Read(CONDITION, SPAN, reduce="mean")])
    return torch.stack([result.captures[CONDITION].values[0] for result in ask(backend, texts, plan)]).double()


@pytest.fixture(scope="module")
def condition(backend: EmbeddedBackend) -> Condition:
    """Return a condition fitted to some sentences, with the threshold that is best on others."""
    on, off = (readings(backend, sentences(FITTED, words)) for words in (("refund",), OTHERS))
    found = Direction.fit(on, off, method="whitened")
    on, off = (found.project(readings(backend, sentences(VALIDATED, words))) for words in (("refund",), OTHERS))
    return Condition(CONDITION, found, best_threshold(on, off), SPAN, measure="dot")


def best_threshold(on: np.ndarray, off: np.ndarray) -> float:
    """Return the threshold with the highest F1; of equals the middle one."""
    values = np.sort(np.concatenate([on, off]))
    between = (values[1:] + values[:-1]) / 2
    hits, false = ((side[:, None] > between).sum(0) for side in (on, off))
    scores = 2 * hits / (hits + false + len(on))
    best = np.flatnonzero(scores == scores.max())
    return float(between[best].mean())


def steered(backend: EmbeddedBackend, condition: Condition | None) -> Plan:
    width = backend.network().model.config.hidden_size
    push = torch.randn(width, generator=torch.Generator().manual_seed(5))
    reads = [
        Read(STEERED, "choices", name="before", before_edits=True),
        Read(STEERED, "choices", name="after"),
        Read("logits", "choices"),
    ]
    return Plan(reads, [Edit(STEERED, "add", push * 4, span="choices", condition=condition)])


def plain() -> Plan:
    return Plan([Read(STEERED, "choices", name="before"), Read("logits", "choices")])


def fires(result: GenerateResult) -> bool:
    before, after = (result.captures[name].values for name in ("before", "after"))
    return not torch.equal(before, after)


@pytest.mark.slow
def test_it_fires_on_the_topic_and_off_it_changes_nothing(backend: EmbeddedBackend, condition: Condition) -> None:
    plan, usual_plan = steered(backend, condition), steered(backend, replace(condition, threshold=1e9))
    on, off = ask(backend, ON, plan), ask(backend, OFF, plan)
    fired = [fires(result) for result in off]
    assert np.mean([fires(result) for result in on]) >= 0.95
    assert np.mean(fired) <= 0.05
    never, usual = ask(backend, OFF, usual_plan), ask(backend, OFF, plain())
    for held, result, same, unsteered in zip(fired, off, never, usual, strict=True):
        if not held:
            assert result.captures["logits"].tokens.ids == unsteered.captures["logits"].tokens.ids
            assert torch.equal(result.captures["logits"].values, same.captures["logits"].values)
    always = ask(backend, ON, steered(backend, None))
    assert [result.text for result in on] == [result.text for result in always]
    assert [result.text for result in on] != [result.text for result in ask(backend, ON, plain())]


@pytest.mark.slow
def test_off_the_topic_no_bit_differs_from_no_steering(condition: Condition) -> None:
    # One at a time: in a batch, a run without a condition may share the keys of what rows have in common, and rounds
    # otherwise than one in which every row passes whole.
    alone = EmbeddedBackend("mini", kv_cache_bytes=0)
    for text in OFF[::16]:
        (result,), (usual,) = (ask(alone, [text], plan) for plan in (steered(alone, condition), plain()))
        assert not fires(result)
        assert torch.equal(result.captures["logits"].values, usual.captures["logits"].values)


@pytest.mark.slow
def test_a_mixed_batch_is_steered_row_by_row(backend: EmbeddedBackend, condition: Condition) -> None:
    mixed = [text for pair in zip(ON[:8], OFF[:8], strict=True) for text in pair]
    together = ask(backend, mixed, steered(backend, condition))
    assert [fires(result) for result in together] == [True, False] * 8
    usual = ask(backend, mixed, plain())
    assert [result.text for result in together[1::2]] == [result.text for result in usual[1::2]]


@pytest.mark.slow
def test_directions_by_chance_do_not_tell_the_topic(backend: EmbeddedBackend, condition: Condition) -> None:
    on, off = (readings(backend, texts) for texts in (ON, OFF))
    drawn = torch.randn(20, on.shape[1], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    middle = ((on.mean(0) + off.mean(0)) / 2) @ drawn.T
    right = (((on @ drawn.T) > middle).double().mean(0) + ((off @ drawn.T) <= middle).double().mean(0)) / 2
    # The best of 20, and whichever way round, with a threshold fitted to the very sentences.
    assert float(torch.maximum(right, 1 - right).max()) < 0.95
