"""A mood in the embedded model: read, steered, taken out and held on a target over a dialog.

Callers of the training grammar, of seeds that training never uses, with the field ``politeness`` set. The exact parser
says whether an utterance begins rudely and which of its sentences the grammar knows.

1. *probe*: rude against polite callers, in every turn of whole dialogs; split by dialog.
2. *steering*: the mean difference at the first choice of callers' openings, added to polite callers that the
   direction has not seen, from the choice of the first generated token on; beside a random direction of equal length.
3. *taking out*: the direction of the layer after, projected out of callers that are told to be rude.
4. *closed loop*: the probe's reading of each reply, in a later layer than the one steered, held on a step and on a
   ramp; beside the fixed strength that tracks the target best. Gain and rest come from other dialogs.

Run ``python -m benchmarks.mood_direction``; prints a table and writes ``runs/benchmarks/mood_direction.json``. What is
held in 4 is what the probe reads of the model's state. The words follow it at openings, hardly in the middle of a
dialog: the table says how many utterances begin rudely.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from benchmarks.report import Row, report
from sdialog.agents import Agent
from sdialog.core import sync
from sdialog.core.dialog import Dialog
from sdialog.interpretability.cache import ActivationCache
from sdialog.interpretability.contrasts import ContrastSet, prompt_of
from sdialog.interpretability.control import HoldReading
from sdialog.interpretability.dialog_sampling import talk
from sdialog.interpretability.direction_effects import RANDOM, Effect, evaluate_direction
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.finding import find_direction
from sdialog.interpretability.labelled import Source
from sdialog.interpretability.probes import Probe, ProbeResult
from sdialog.llm.scheduler import Scheduler
from training.cases import draw_cases
from training.parser import readings, sentences
from training.script import Side

MODEL = "embedded:mini"
STEERED, TAKEN_OUT, READ = "layers.1.resid_post", "layers.2.resid_post", "layers.3.resid_post"
STRENGTHS = (0.4, 0.5, 0.6, 0.7)
TURNS = 6
_MARKS = tuple(f"{kind}_rude" for kind in ("greet", "pre", "post", "bye", "accept"))
Fields = dict[str, Any]


def callers(count: int, seed: int, side: Side = "I") -> list[Fields]:
    """Return persona fields of callers, or helpers, without a mood."""
    cases = [case for case in draw_cases(2 * count, seed=seed) if case.script.domain != "smalltalk"]
    found = []
    for case in cases[:count]:
        party = case.script.parties[side]
        facts = {key.replace(" ", "_").replace("-", "_"): party.facts[key] for key in party.known}
        found.append({"name": party.name, "role": party.role, **facts})
    return found


def in_mood(fields: Fields, mood: str | None) -> Fields:
    """Return the fields with a mood where a persona has it, after name and role."""
    told = {} if mood is None else {"politeness": mood}
    return {"name": fields["name"], "role": fields["role"], **told, **fields}


def agents(people: Sequence[Fields], mood: str | None) -> list[Agent]:
    """Return an agent for each, in a mood."""
    return [
        Agent(name=one["name"], system_prompt=prompt_of(in_mood(one, mood)), model=MODEL, max_tokens=40)
        for one in people
    ]


def begins_rudely(text: str) -> float:
    """Tell whether the first sentence of a caller is one that only rude callers say."""
    said = [one for one in sentences(text) if one != "STOP"]
    return float(bool(said) and any(reading.act in _MARKS for reading in readings(said[0], "I")))


def accepted(text: str) -> float:
    """Return the share of a caller's sentences that the grammar knows."""
    said = [one for one in sentences(text) if one != "STOP"]
    return sum(bool(readings(one, "I")) for one in said) / len(said) if said else 0.0


def dialogs(first: Sequence[Agent], seed: int, turns: int = 2 * TURNS) -> list[Dialog]:
    """Return dialogs of agents with helpers in a neutral mood."""
    others = agents(callers(len(first), 3 * seed + 1, "R"), "neutral")
    scheduler = Scheduler()

    async def everybody() -> list[Dialog]:
        jobs = [talk([one, others[n]], turns, seed + n, scheduler, f"d{n}") for n, one in enumerate(first)]
        return list(await asyncio.gather(*jobs))

    return sync.run(everybody())


def mood_probe(count: int = 40, seed: int = 11) -> ProbeResult:
    """Return how well rude and polite callers are told apart in each of their turns, split by dialog."""
    people = callers(count, seed)
    values: list[Any] = []
    labels: list[str] = []
    groups: list[int] = []
    for mood in ("rude", "polite"):
        speakers = agents(people, mood)
        for number, (one, dialog) in enumerate(zip(speakers, dialogs(speakers, seed), strict=True)):
            cache = ActivationCache.record(one, dialog, READ, "content & role(assistant)", reduce="turn")
            values += cache[READ].tolist()
            labels += [mood] * len(cache)
            groups += [number] * len(cache)  # both moods of one caller together
    source = Source(READ, "content & role(assistant)", MODEL)
    return Probe.evaluate(values, labels, groups, positive="rude", source=source)


def mood_direction(site: str, count: int = 100, seed: int = 10) -> Direction:
    """Return the direction from polite to rude callers where they choose how to open."""
    pairs = [(in_mood(one, "rude"), in_mood(one, "polite")) for one in callers(count, seed)]
    found = find_direction(MODEL, ContrastSet.from_personas(pairs, names=("rude", "polite")), site)
    assert isinstance(found, Direction)
    return found


def openings(direction: Direction, mood: str, count: int = 60, **options: Any) -> Effect:
    """Return what a direction does to openings of callers that it was not made of."""
    people = agents(callers(count, 20), mood)
    return evaluate_direction(direction, people, metric=begins_rudely, accept=accepted, n=1, seed=3, **options)


class Plant(NamedTuple):
    """How a reading hangs on the strength: what is read without steering, the slope, and two usual readings."""

    rest: float
    slope: float
    calm: float
    angry: float


def read_dialogs(
    people: Sequence[Fields], seed: int, make: Callable[[], HoldReading]
) -> tuple[HoldReading, list[Dialog]]:
    """Return a loop after dialogs of callers without a mood, and the dialogs."""
    hold = make()
    return hold, dialogs([one | hold for one in agents(people, None)], seed)


def errors_of(hold: HoldReading, target: Sequence[float]) -> list[float]:
    """Return readings less a target."""
    steps = [step for trace in hold.traces for step in trace.steps if step.reading is not None]
    return [step.reading - target[min(step.turn, len(target) - 1)] for step in steps if step.reading is not None]


def rms(values: Sequence[float]) -> float:
    """Return the root of the mean square."""
    return float((sum(value * value for value in values) / len(values)) ** 0.5)


def fixed(direction: Direction, probe: Probe, strength: float) -> Callable[[], HoldReading]:
    """Return what makes a loop that only reads, at one strength."""
    return lambda: HoldReading(direction, 0.0, probe=probe, gain=0.0, start=strength, limits=(-2, 2), logit=True)


def calibrate(direction: Direction, probe: Probe, count: int = 20, seed: int = 31) -> Plant:
    """Measure the plant on dialogs of its own; the usual readings are those at strengths -0.15 and 0.3."""
    people = callers(count, seed)
    means = []
    for strength in (-0.15, 0.0, 0.3):
        hold, _ = read_dialogs(people, seed, fixed(direction, probe, strength))
        found = errors_of(hold, [0.0])
        means.append(sum(found) / len(found))
    return Plant(means[1], (means[2] - means[0]) / 0.45, means[0], means[2])


class Tracking(NamedTuple):
    """How well a target is tracked: by the loop, by the best fixed strength, and by a loop with the other words."""

    loop: float
    fixed: float
    strength: float
    accepted: float
    rude: float


def track(direction: Direction, probe: Probe, plant: Plant, target: Sequence[float], count: int = 24) -> Tracking:
    """Compare the loop with fixed strengths on callers that nothing was fitted to."""
    people, seed = callers(count, 21), 41

    def loop() -> HoldReading:
        return HoldReading(
            direction, target, probe=probe, gain=1 / plant.slope, rest=plant.rest, limits=(-0.5, 0.5), logit=True
        )

    held, said = read_dialogs(people, seed, loop)
    found = {}
    for strength in [place / 20 for place in range(-4, 9)]:
        other, _ = read_dialogs(people, seed, fixed(direction, probe, strength))
        found[strength] = rms(errors_of(other, target))
    best = min(found, key=found.__getitem__)
    words = [turn.text for dialog in said for turn in list(dialog)[::2]]
    share = sum(map(accepted, words)) / len(words)
    return Tracking(rms(errors_of(held, target)), found[best], best, share, sum(map(begins_rudely, words)) / len(words))


def targets(plant: Plant) -> dict[str, list[float]]:
    """Return a step and a ramp from calm to angry over the turns of a caller."""
    step = [plant.calm] * (TURNS // 2) + [plant.angry] * (TURNS // 2)
    ramp = [plant.calm + (plant.angry - plant.calm) * turn / (TURNS - 1) for turn in range(TURNS)]
    return {"step": step, "ramp": ramp}


def main() -> int:
    """Measure, print, and return 1 if a bound is broken."""
    found = mood_probe()
    accuracy = found.scores["accuracy"].value or 0.0
    direction, after = mood_direction(STEERED), mood_direction(TAKEN_OUT)
    effect = openings(direction, "polite", strengths=STRENGTHS)
    out = openings(after, "rude", strengths=[1.0], op="project_out", span="everything")
    print(effect.table(), out.table(), found.table(), sep="\n\n")
    good = [p for p in effect.of() if p.accepted is not None and (p.accepted.value or 0) >= 0.8]
    best = max(good, key=lambda point: point.change.value or 0.0)
    control = effect.at(best.strength, RANDOM)
    points, wobble = 100 * (best.change.value or 0.0), 100 * abs(control.change.value or 0.0)
    lowered = out.at(1.0).change
    rows = [
        Row("probe, accuracy on held-out dialogs", accuracy, ">= 0.95"),
        Row("steering, strength", best.strength, None),
        Row("steering, rude openings, points", points, ">= 40"),
        Row("steering, sentences accepted", (best.accepted.value if best.accepted else None) or 0.0, ">= 0.8"),
        Row("random direction, points", wobble, "<= 5"),
        Row("projected out, rude openings, points", 100 * (lowered.value or 0.0), "< 0"),
        Row("projected out at random, points", 100 * (out.at(1.0, RANDOM).change.value or 0.0), None),
    ]
    met = accuracy >= 0.95 and points >= 40 and wobble <= 5
    met = met and lowered.interval is not None and lowered.interval.high < 0
    plant = calibrate(direction, found.probe)
    rows.append(Row("plant, logits for a strength of 1", plant.slope, None))
    for name, target in targets(plant).items():
        result = track(direction, found.probe, plant, target)
        rows += [
            Row(f"{name}, error of the loop", result.loop, "<= half of the best fixed"),
            Row(f"{name}, error of the best fixed strength", result.fixed, None),
            Row(f"{name}, the best fixed strength", result.strength, None),
            Row(f"{name}, sentences accepted in the loop", result.accepted, None),
            Row(f"{name}, rude utterances in the loop", result.rude, None),
        ]
        met = met and result.loop <= result.fixed / 2
    return report("mood_direction", rows, met, model=MODEL, seed=3)


if __name__ == "__main__":
    sys.exit(main())
