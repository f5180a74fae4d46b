"""A sparse dictionary of the embedded model: how well it rebuilds, what its features are called, and what they do.

Dialogs that the embedded model makes between held-out personas of the training grammar, both sides without tools, as
their second speaker saw them. All that is said is recorded at one site; 280 dialogs train a BatchTopK dictionary and
choose the features' names, 120 others measure and score.

1. *rebuilding*: explained variance, features a token (L0), and the share of features active on no held-out token.
2. *loss recovered*: cross entropy of the model on its own words in held-out dialogs, in nats a token, mean over
   dialogs. The rebuilt activations stand at every token that was said; 0 is zeros, or the mean activation, there; the
   prompt's tokens stay as they are.
3. *names*: the best statement about tokens for each feature (``name_by_predicates``), chosen on the training dialogs;
   a feature is named where the lower end of the interval of its held-out F1 is at least 0.8. Beside it the same for
   the dictionary before training, and for shuffled activity.
4. *effects*: replies in held-out dialogs, at temperature 0, with a named feature held at 0 or at its largest value
   wherever a token is chosen; the share with the words of its name, beside another feature that is about as frequent.
   These features are those named by what comes next, because that is what they say of the reply.
5. *absorption*: where the feature nearest to the concept "in a request for a fact" is silent on it.

Run ``python -m benchmarks.sparse_dictionary``; prints a table and writes ``sparse_dictionary.json`` and, with the
examples of the best features beside their names, ``sparse_dictionary.html`` into ``runs/benchmarks``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import torch

from benchmarks.report import FOLDER, Row, report
from sdialog.core import sync
from sdialog.core.dialog import Dialog
from sdialog.interpretability import ActivationCache, Plan, network_of
from sdialog.interpretability.caching.views import View, Viewpoint
from sdialog.interpretability.sae import (
    DialogLosses,
    PredicateName,
    PredicateNames,
    SAEConfig,
    SparseDictionary,
    TrainingConfig,
    absorption,
    co_occurrence,
    feature_edit,
    logit_effects,
    loss_recovered,
    measure,
    name_by_predicates,
    passages,
    top_examples,
    train,
    write_page,
)
from sdialog.llm.get import resolve
from sdialog.llm.types import GenerateConfig, GenerateRequest
from sdialog.statistics.intervals import mean_interval
from training.cases import draw_cases
from training.evaluate import simulate
from training.parser import readings, sentences
from training.script import Side, other

MODEL = "embedded:mini"
SITE = "layers.2.resid_post"
SAID = "role(user) | role(assistant)"
DIALOGS, TRAINING = 400, 280
FEATURES, K, STEPS, BATCH = 512, 8, 2500, 512
SEED = 880_001  # of the personas; training draws from other seeds
CARDS, PROMPTS = 40, 240


class Corpus(NamedTuple):
    """Dialogs, on which side their second speaker is, and the activations."""

    dialogs: list[Dialog]
    sides: list[Side]
    cache: ActivationCache


def corpus(count: int = DIALOGS, seed: int = SEED) -> Corpus:
    """Return dialogs of the embedded model with itself, and what it computes while it reads them."""
    cases = [case for case in draw_cases(3 * count, seed=seed) if not case.script.tools][:count]
    found = simulate(cases, MODEL, seed=5)
    made = [outcome.dialog.model_copy(update={"id": f"dialog {number}"}) for number, outcome in enumerate(found)]
    cache = ActivationCache.record(MODEL, made, SITE, SAID)
    return Corpus(made, [other(case.first) for case in cases], cache)


def facts_and_acts(data: Corpus) -> dict[str, list[Hashable | None]]:
    """Return for each token whose fact of the persona it is part of, and the act of its sentence.

    Values of the speaker's persona are found as text in what is said; acts are those of the exact parser.
    """
    rows = data.cache.labels
    keys = list(zip(rows["dialog"].tolist(), rows["turn"].tolist(), strict=True))
    facts: list[Hashable | None] = [None] * len(keys)
    acts: list[Hashable | None] = [None] * len(keys)
    texts = [token.lstrip("\n") for passage in passages(data.cache) for token in passage.tokens]
    start = 0
    for end in range(1, len(keys) + 1):
        if end < len(keys) and keys[end] == keys[start]:
            continue
        number, turn = keys[start]
        said, dialog = texts[start:end], data.dialogs[number]
        speaker = list(dialog)[turn].speaker
        side = data.sides[number] if rows["role"][start] == "assistant" else other(data.sides[number])
        whole = "".join(said)
        fact = _marks(whole, _facts(dialog, str(speaker)))
        act = _marks(whole, [(one, _act(one, side)) for one in sentences(whole)])
        at = 0
        for place, token in enumerate(said, start):
            at += len(token)
            facts[place], acts[place] = fact[at - 1], act[at - 1]
        start = end
    return {"fact": facts, "act": acts}


def _facts(dialog: Dialog, speaker: str) -> list[tuple[str, str]]:
    persona = (dialog.personas or {}).get(speaker) or {}
    return [(value, key) for key, value in persona.items() if isinstance(value, str) and len(value) > 2]


def _act(sentence: str, side: Side) -> str | None:
    found = readings(sentence, side)
    return found[0].act if found else None


def _marks(whole: str, found: Sequence[tuple[str, str | None]]) -> list[str | None]:
    """Return for each letter the name of the text that it is in."""
    marks: list[str | None] = [None] * len(whole)
    for text, name in found:
        at = whole.lower().find(text.lower())
        while at >= 0:
            marks[at : at + len(text)] = [name] * len(text)
            at = whole.lower().find(text.lower(), at + len(text))
    return marks


def dictionary(cache: ActivationCache, steps: int = STEPS, rate: float = 2e-3) -> SparseDictionary:
    """Return a dictionary of what is in a cache."""
    recipe = cache.recipe
    config = SAEConfig(
        cache[SITE].shape[-1], FEATURES, "batchtopk", k=K, normalisation="expected_norm", sites=(SITE,),
        span=recipe.span, model=recipe.model, fingerprint=recipe.fingerprint,
    )  # fmt: skip
    training = TrainingConfig(steps=steps, learning_rate=rate, warm_up=50 if steps > 50 else 0, dead_after=30_000)
    return train(cache.batches(SITE, BATCH, seed=0), config, training, seed=0).sae


def replies(views: Sequence[View], plans: Sequence[Plan]) -> list[str]:
    """Return what the model says, at temperature 0, where each view ends."""
    model = resolve(MODEL).model
    asked = [
        GenerateRequest(view.messages, GenerateConfig(temperature=0.0, max_tokens=40), interventions=tuple(plans))
        for view in views
    ]
    return [one.text for one in sync.run(model.generate(asked))]


def prompts(dialogs: Sequence[Dialog], count: int = PROMPTS) -> list[View]:
    """Return what the second speakers had seen before their replies, of each dialog as many."""
    each = -(-count // len(dialogs))
    found = []
    for dialog in dialogs:
        view = Viewpoint(MODEL).view(dialog)
        own = [place for place, message in enumerate(view.messages) if message.role == "assistant"]
        for place in own[1 : 1 + each]:
            found.append(_until(view, place))
    return found[:count]


def _until(view: View, place: int) -> View:
    return View(view.dialog_id, view.speaker, view.messages[:place], view.turns[:place], view.tools)


class Change(NamedTuple):
    """By how many points the share of replies with some words changes, and the interval."""

    points: float
    low: float
    high: float


def changed(before: Sequence[str], after: Sequence[str], views: Sequence[View], words: Sequence[str]) -> Change:
    """Return how the share of replies with any of some words changes, reply by reply, with an interval over dialogs."""
    steps = [100.0 * (_has(new, words) - _has(old, words)) for old, new in zip(before, after, strict=True)]
    interval = mean_interval(steps, [view.dialog_id for view in views])
    mean = sum(steps) / len(steps)
    return Change(mean, interval.low if interval else mean, interval.high if interval else mean)


def _has(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)


class Shown(NamedTuple):
    """What a feature does: the words of its name, how many replies have them, and changes at 0 and at its largest.

    ``other`` is a feature that is about as frequent, with the changes that it makes.
    """

    name: PredicateName
    share: float
    off: Change
    on: Change
    other: int
    other_off: Change
    other_on: Change


def effects(
    sae: SparseDictionary, names: PredicateNames, densities: Sequence[float], largest: Sequence[float],
    views: Sequence[View], count: int = 3,
) -> list[Shown]:  # fmt: skip
    """Return what the best features that are named by the next token do to replies."""
    plain = replies(views, [])
    named = [one.feature for one in names.named]
    found = []
    for one in [one for one in names.named if one.predicate is not None and one.predicate.column == "next"][:count]:
        assert one.predicate is not None
        words = [str(value) for value in one.predicate.values]
        near = min(
            (place for place, density in enumerate(densities) if density > 0 and place not in named),
            key=lambda place: (abs(densities[place] - densities[one.feature]), place),
        )
        changes = []
        for feature in (one.feature, near):
            for value in (0.0, largest[feature]):
                edit = feature_edit(sae, feature, value, "choices")
                after = replies(views, [Plan(edits=[edit])])
                changes.append(changed(plain, after, views, words))
        share = 100 * sum(_has(text, words) for text in plain) / len(plain)
        found.append(Shown(one, share, changes[0], changes[1], near, changes[2], changes[3]))
    return found


def dashboards(sae: SparseDictionary, held: ActivationCache, names: PredicateNames) -> list[Any]:
    """Return cards of the best named features, with held-out examples, what they promote and their neighbours."""
    network = network_of(MODEL)
    best = [one.feature for one in names.named[:CARDS]]
    cards = top_examples(sae, passages(held, SITE), best, seed=0, count=10)
    gain = network.model.model.norm.weight.detach().float()
    unembedding = network.model.lm_head.weight.detach().float() * gain
    vocabulary = [network.tokenizer.decode([token]) for token in range(len(unembedding))]
    written = logit_effects(sae, unembedding, vocabulary, best)
    together = co_occurrence(sae, [torch.as_tensor(held[SITE].copy())])
    cards = [
        card.replace(promotes=written[card.feature][0], suppresses=written[card.feature][1],
                     neighbours=together.neighbours(card.feature))
        for card in cards
    ]  # fmt: skip
    return names.put_on(cards)


def main() -> int:
    """Measure, print, and return 1 if a bound is broken."""
    begin = time.perf_counter()
    data = corpus()
    ids, labels = data.cache.dialogs, facts_and_acts(data)
    fit, held = (data.cache.select(dialog=list(part)) for part in (range(TRAINING), range(TRAINING, DIALOGS)))
    sae, start = dictionary(fit), dictionary(fit, 1, 1e-9)
    values = torch.as_tensor(held[SITE].copy())
    quality = measure(sae, [values])
    losses = DialogLosses(MODEL, data.dialogs[TRAINING:], SITE, SAID)
    average = torch.as_tensor(fit[SITE].mean(axis=0))
    zero, mean = loss_recovered(sae, losses), loss_recovered(sae, losses, ablation="mean", average=average)
    options: dict[str, Any] = {"labels": labels, "held_out": ids[TRAINING:], "seed": 0}
    names, untrained = (name_by_predicates(one, data.cache, **options) for one in (sae, start))
    with torch.no_grad():
        largest = sae.encode(torch.as_tensor(fit[SITE].copy())).max(dim=0).values.tolist()
    shown = effects(sae, names, quality.densities, largest, prompts(data.dialogs[TRAINING:]))
    asking = [str(act or "").startswith("ask_") for act in labels["act"][len(fit) :]]
    taken = absorption(sae, values, asking)
    page = write_page(dashboards(sae, held, names), FOLDER / "sparse_dictionary.html", f"Features at {SITE}")
    print(quality.table(), names.table(), sep="\n\n")
    rows = [
        Row("held-out tokens", quality.tokens, None),
        Row("variance explained", quality.explained or 0.0, None),
        Row("features a token (L0)", quality.l0, None),
        Row("dead features, share", quality.dead, "< 0.2"),
        Row("cross entropy, nats a token", zero.original, None),
        Row("cross entropy, rebuilt", zero.rebuilt, None),
        Row("loss recovered, of zeros", zero.recovered or 0.0, ">= 0.9"),
        Row("loss recovered, of the mean", mean.recovered or 0.0, ">= 0.9, lower end of its interval"),
        Row("loss recovered, of the mean, lower end", mean.interval.low if mean.interval else 0.0, ">= 0.9"),
        Row("features named, held-out F1 of 0.8", len(names.named), ">= 10"),
        Row("of these by one value", sum(len(one.predicate.values) == 1 for one in names.named if one.predicate), None),
        Row("named with activity shuffled", names.by_chance, "<= 1"),
        Row("named in the untrained dictionary", len(untrained.named), None),
        Row("requests, missed by their feature", taken.missed, None),
        Row("requests, absorbed by others", taken.absorbed, None),
    ]
    met = quality.dead < 0.2 and rows[6].value >= 0.9 and rows[8].value >= 0.9 and len(names.named) >= 10
    met = met and names.by_chance <= 1 and _add_effects(rows, shown)
    rows += [Row("seconds", time.perf_counter() - begin, None), Row("seconds of CPU", time.process_time(), None)]
    return report("sparse_dictionary", rows, met, model=MODEL, site=SITE, page=str(page), names=names.json()["names"])


def _add_effects(rows: list[Row], shown: Sequence[Shown]) -> bool:
    """Add rows of what features do; return whether two of them do what their names say, and more than others do."""
    right = 0
    for one in shown:
        assert one.name.predicate is not None
        title = f"{one.name.feature} ({one.name.predicate.text})"
        rows += [
            Row(f"{title}: replies with the words, %", one.share, None),
            Row(f"{title}: at 0, points", one.off.points, None),
            Row(f"{title}: at its largest, points", one.on.points, None),
            Row(f"{title}: feature {one.other} at 0, points", one.other_off.points, None),
            Row(f"{title}: feature {one.other} at its largest, points", one.other_on.points, None),
        ]
        right += one.off.high < min(0, one.other_off.low) or one.on.low > max(0, one.other_on.high)
    rows.append(Row("features that do what their names say", right, ">= 2"))
    return right >= 2


if __name__ == "__main__":
    sys.exit(main())
