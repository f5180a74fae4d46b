"""Names of features by a language model, and how well a name tells where a feature is active."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sdialog.core.errors import OutputParseError, UserError
from sdialog.core.seeds import rng
from sdialog.core.sync import run
from sdialog.interpretability.sae.cards import DetectionScore, Example, FeatureCard, FeatureName
from sdialog.llm.get import resolve
from sdialog.llm.prompts import render
from sdialog.llm.scheduler import Client
from sdialog.llm.structured import ask
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message
from sdialog.llm.wrapping import PatientScheduler

_FOLDER = Path(__file__).parent
_MARKED = 0.3


class _Named(BaseModel):
    model_config = ConfigDict(extra="ignore")
    reason: str
    name: str = Field(min_length=1)


class _Matching(BaseModel):
    model_config = ConfigDict(extra="ignore")
    matching: list[int]


def name_feature(card: FeatureCard, client: Any, *, count: int = 15, seed: int = 0) -> FeatureName:
    """Ask a model what a feature stands for, showing it the strongest examples.

    Args:
        card: the feature.
        client: a :class:`~sdialog.llm.scheduler.Client`, a model, or the name of one.
        count: how many examples are shown at most.
        seed: seed of the model's sampling, which is at temperature 0 where the model allows that.

    Raises:
        UserError: if the card has no examples.
        OutputParseError: if the answer does not fit, also after a repair round.
        LLMError: if the call fails.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> judge = ScriptedModel(['{"reason": "All marked words are about money back.", "name": "refunds"}'])
        >>> shown = Example(("My ", "refund"), (0.0, 3.0), 1, "d1", 0, 1)
        >>> name_feature(FeatureCard(5, 2, 0.5, 3.0, 3.0, top=(shown,)), judge).name
        'refunds'
    """
    return run(aname_feature(card, client, count=count, seed=seed))


async def aname_feature(card: FeatureCard, client: Any, *, count: int = 15, seed: int = 0) -> FeatureName:
    """Do what :func:`name_feature` does, in an event loop."""
    if not card.top:
        raise UserError(f"feature {card.feature} has no examples to name it by; it may be dead")
    judge = _client(client)
    prompt = render(
        _FOLDER / "name_feature.j2",
        examples=[_marked(example) for example in card.top[:count]],
        promotes=[effect.token for effect in card.promotes],
    )
    answer = await ask(judge, _request(prompt, seed, f"feature/{card.feature}/name"), _Named)
    return FeatureName(answer.value.name.strip(), answer.value.reason.strip(), judge.name)


def detection_score(
    card: FeatureCard, client: Any, name: str | None = None, *, at_once: int = 8, seed: int = 0
) -> DetectionScore:
    """Test a name: does a model that knows it tell examples with the feature from others?

    Active examples are those drawn by quantile from passages that are not among the strongest ones, by which the
    feature was named; silent ones are those of the card. They are shuffled and shown some at a time, unmarked
    (detection scoring: Paulo et al., 2024).

    Args:
        card: the feature.
        client: a :class:`~sdialog.llm.scheduler.Client`, a model, or the name of one.
        name: to test; default the card's.
        at_once: how many examples one question shows.
        seed: seed of the order and of the model's sampling.

    Raises:
        UserError: if there is no name, or there are no active or no silent examples left.
        OutputParseError: if an answer does not fit, also after a repair round, or names passages that are not there.
        LLMError: if a call fails.
    """
    return run(adetection_score(card, client, name, at_once=at_once, seed=seed))


async def adetection_score(
    card: FeatureCard, client: Any, name: str | None = None, *, at_once: int = 8, seed: int = 0
) -> DetectionScore:
    """Do what :func:`detection_score` does, in an event loop."""
    from sdialog.statistics.intervals import wilson_interval

    said = name or (card.name.name if card.name else "")
    if not said or at_once < 1:
        raise UserError("a detection score needs a name, and at_once of at least 1")
    judge = _client(client)
    items = _items(card)
    rng(seed, "detection", card.feature).shuffle(items)
    parts = [items[start : start + at_once] for start in range(0, len(items), at_once)]
    picked = await asyncio.gather(
        *(_picked(judge, said, part, seed, f"feature/{card.feature}/detect/{n}") for n, part in enumerate(parts))
    )
    verdicts = [(group, hit) for part, hits in zip(parts, picked, strict=True)
                for (_, group), hit in zip(part, hits, strict=True)]  # fmt: skip
    hits = [hit for group, hit in verdicts if group is not None]
    left = [not hit for group, hit in verdicts if group is None]
    groups = sorted({group for group, _ in verdicts if group is not None})
    by_quantile = []
    for group in groups:
        own = [hit for other, hit in verdicts if other == group]
        by_quantile.append(sum(own) / len(own))
    sensitivity, specificity = sum(hits) / len(hits), sum(left) / len(left)
    return DetectionScore(
        name=said,
        sensitivity=sensitivity,
        specificity=specificity,
        balanced_accuracy=(sensitivity + specificity) / 2,
        intervals=(wilson_interval(sum(hits), len(hits)), wilson_interval(sum(left), len(left))),
        active=len(hits),
        silent=len(left),
        by_quantile=tuple(by_quantile),
        model=judge.name,
    )


def _items(card: FeatureCard) -> list[tuple[Example, int | None]]:
    """Return the examples to be told apart, with the quantile of active ones and None for silent ones."""
    shown = {example.passage for example in card.top}
    items: list[tuple[Example, int | None]] = [
        (example, number)
        for number, group in enumerate(card.quantiles)
        for example in group.examples
        if example.passage not in shown
    ]
    if not items or not card.silent:
        raise UserError(
            f"feature {card.feature} has {len(items)} active examples outside the passages that name it, and "
            f"{len(card.silent)} silent ones; both are needed. Read more passages, or ask top_examples for fewer"
        )
    return [*items, *((example, None) for example in card.silent)]


async def _picked(judge: Client, name: str, part: list[tuple[Example, int | None]], seed: int, key: str) -> list[bool]:
    passages = [_safe(example.text) for example, _ in part]
    prompt = render(_FOLDER / "detect_feature.j2", description=name, passages=passages)
    answer = await ask(judge, _request(prompt, seed, key), _Matching)
    numbers = set(answer.value.matching)
    if not numbers <= set(range(1, len(part) + 1)):
        said = f"the reply names passages {sorted(numbers)} of {len(part)}"
        raise OutputParseError(said, raw=answer.raw, backend=judge.name, request_key=key)
    return [number in numbers for number in range(1, len(part) + 1)]


def _marked(example: Example) -> str:
    """Return an example with runs of active words between marks; weak activity is left unmarked."""
    least = _MARKED * example.activation
    parts, on = [], False
    for token, value in zip(example.tokens, example.activations, strict=True):
        active = value > 0 and value >= least
        if active != on:
            parts.append("«" if active else "»")
        parts.append(_safe(token).replace("«", "<<").replace("»", ">>"))
        on = active
    return "".join(parts) + ("»" if on else "")


def _safe(text: str) -> str:
    return text.replace("[END PASSAGE", "[\u200bEND PASSAGE")


def _request(prompt: str, seed: int, key: str) -> GenerateRequest:
    return GenerateRequest((Message("user", prompt),), GenerateConfig(temperature=0.0, seed=seed), key=key)


def _client(client: Any) -> Client:
    return client if isinstance(client, Client) else PatientScheduler().client(resolve(client).model)
