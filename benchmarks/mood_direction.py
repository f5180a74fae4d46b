"""A mood in the embedded model: read, steered, taken out and held on a target over a dialog.

Callers of the training grammar, of seeds that training never uses, with the field ``politeness`` set. The exact parser
says whether an utterance begins rudely and which of its sentences the grammar knows.

1. *probe*: rude against polite callers, in every turn of whole dialogs; split by dialog.
2. *steering*: the mean difference at the first choice of callers' openings, added to polite callers that the
   direction has not seen, from the choice of the first generated token on; beside a random direction of equal length.
3. *whole dialogs*: the mean difference at the first choice of every turn of polite callers' dialogs, added at the
   first choice of each of their turns.
4. *taking out*: the direction of 2 one layer later, projected out of callers that are told to be rude.
5. *closed loop*: the probe's reading of each reply of callers without a mood, in a later layer than the one steered,
   held on a step and on a ramp from what is read of polite callers to what is read of rude ones; beside the fixed
   strength that tracks the target best. Gain and rest come from other dialogs.

Run ``python -m benchmarks.mood_direction``; prints a table and writes ``runs/benchmarks/mood_direction.json``. What is
held in 5 is what the probe reads of the model's state, by strengths that are too small to change the words: callers
without a mood have few sentences that could.
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
from sdialog.interpretability.direction_effects import RANDOM, Effect, EffectPoint, evaluate_direction
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.finding import find_direction
from sdialog.interpretability.fitting.labelled import Source
from sdialog.interpretability.probes import Probe, ProbeResult
from sdialog.interpretability.running.dialog_sampling import talk
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


def openings(direction: Direction, mood: str, count: int = 60, seed: int = 20, **options: Any) -> Effect:
    """Return what a direction does to openings of callers that it was not made of."""
    people = agents(callers(count, seed), mood)
    return evaluate_direction(direction, people, metric=begins_rudely, accept=accepted, n=1, seed=seed, **options)


def rude_share(dialog: Dialog) -> float:
    """Return the share of the utterances of who speaks first that begin rudely."""
    return sum(begins_rudely(turn.text) for turn in list(dialog)[::2]) / len(list(dialog)[::2])


def accepted_share(dialog: Dialog) -> float:
    """Return the share of the sentences of who speaks first that the grammar knows, by utterance."""
    return sum(accepted(turn.text) for turn in list(dialog)[::2]) / len(list(dialog)[::2])


def turns_direction(site: str, count: int = 40, seed: int = 12) -> Direction:
    """Return the direction from polite to rude callers where they choose how to begin, in every turn of a dialog."""
    people = callers(count, seed)
    said = dialogs(agents(people, "polite"), seed)
    pairs = [(in_mood(one, "rude"), in_mood(one, "polite")) for one in people]
    found = find_direction(
        MODEL, ContrastSet.from_personas(pairs, said, every_turn=True, names=("rude", "polite")), site
    )
    assert isinstance(found, Direction)
    return found


def whole_dialogs(direction: Direction, count: int = 24, strength: float = 2.0) -> Effect:
    """Return what a direction does to whole dialogs of polite callers."""
    return evaluate_direction(
        direction,
        agents(callers(count, 20), "polite"),
        partner=agents(callers(count, 22, "R"), "neutral"),
        strengths=[strength],
        metric=rude_share,
        accept=accepted_share,
        span="choices[0:1]",
        n=count,
        max_turns=2 * TURNS,
        seed=3,
    )


class Plant(NamedTuple):
    """How a reading hangs on the strength: what is read without steering, the slope, and of polite and rude callers."""

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


def calibrate(direction: Direction, found: ProbeResult, count: int = 20, seed: int = 31) -> Plant:
    """Measure the plant on dialogs of its own."""
    people = callers(count, seed)
    means = {}
    for strength in (-0.2, 0.0, 0.2):
        hold, _ = read_dialogs(people, seed, fixed(direction, found.probe, strength))
        errors = errors_of(hold, [0.0])
        means[strength] = sum(errors) / len(errors)
    outcome = found.outcome
    assert outcome.readings is not None
    calm, angry = (float(outcome.readings[outcome.labels == label].mean()) for label in (0, 1))
    return Plant(means[0.0], (means[0.2] - means[-0.2]) / 0.4, calm, angry)


class Tracking(NamedTuple):
    """How well a target is tracked: by the loop, the best fixed strength, and a schedule that reads nothing.

    And how well by loop and schedule whose strengths are all 0.2 too large at first; and what the words are in the
    loop.
    """

    loop: float
    fixed: float
    strength: float
    schedule: float
    loop_off: float
    schedule_off: float
    accepted: float
    rude: float


def track(
    direction: Direction, probe: Probe, plant: Plant, target: Sequence[float], count: int = 24, seed: int = 21
) -> Tracking:
    """Compare the loop with fixed strengths and schedules on callers that nothing was fitted to."""
    people = callers(count, seed)

    def controlled(correction: float, off: float = 0.0) -> tuple[HoldReading, list[Dialog]]:
        gain = 1 / plant.slope
        start = gain * (target[0] - plant.rest) + off
        options: dict[str, Any] = {"gain": gain, "start": start, "limits": (-0.6, 0.6), "correction": correction}
        return read_dialogs(people, seed, lambda: HoldReading(direction, target, probe=probe, logit=True, **options))

    held, said = controlled(0.5)
    found = {}
    for strength in [place / 20 for place in range(-8, 11, 2)]:
        other, _ = read_dialogs(people, seed, fixed(direction, probe, strength))
        found[strength] = rms(errors_of(other, target))
    best = min(found, key=found.__getitem__)
    others = [rms(errors_of(controlled(*one)[0], target)) for one in ((0.0, 0.0), (0.5, 0.2), (0.0, 0.2))]
    words = [turn.text for dialog in said for turn in list(dialog)[::2]]
    shares = [sum(map(measure, words)) / len(words) for measure in (accepted, begins_rudely)]
    return Tracking(rms(errors_of(held, target)), found[best], best, *others, *shares)


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
    whole = whole_dialogs(turns_direction(STEERED))
    print(found.table(), effect.table(), whole.table(), out.table(), sep="\n\n")
    rows = [Row("probe, accuracy on held-out dialogs", accuracy, ">= 0.95"), *_steering(effect)]
    rows += [
        Row("whole dialogs, rude utterances, points", _points(whole.at(2.0)), None),
        Row("whole dialogs at random, points", _points(whole.at(2.0, RANDOM)), None),
        Row("projected out, rude openings, points", _points(out.at(1.0)), "< 0, with its interval"),
        Row("projected out at random, points", _points(out.at(1.0, RANDOM)), None),
    ]
    lowered = out.at(1.0).change.interval
    met = accuracy >= 0.95 and rows[2].value >= 40 and rows[3].value >= 0.8 and abs(rows[4].value) <= 5
    met = met and lowered is not None and lowered.high < 0
    plant = calibrate(direction, found)
    rows.append(Row("plant, logits for a strength of 1", plant.slope, None))
    for name, target in targets(plant).items():
        result = track(direction, found.probe, plant, target)
        rows += [
            Row(f"{name}, error of the loop", result.loop, "<= half of the best fixed"),
            Row(f"{name}, error of the best fixed strength", result.fixed, None),
            Row(f"{name}, the best fixed strength", result.strength, None),
            Row(f"{name}, error of a schedule without feedback", result.schedule, None),
            Row(f"{name}, error of the loop, begun 0.2 too strong", result.loop_off, None),
            Row(f"{name}, error of the schedule, 0.2 too strong", result.schedule_off, None),
            Row(f"{name}, sentences accepted in the loop", result.accepted, None),
            Row(f"{name}, rude utterances in the loop", result.rude, None),
        ]
        met = met and result.loop <= result.fixed / 2
    return report("mood_direction", rows, met, model=MODEL)


def _points(point: EffectPoint) -> float:
    return 100 * (point.change.value or 0.0)


def best_point(effect: Effect) -> EffectPoint:
    """Return the strength with the largest change among those at which four sentences in five are accepted."""
    good = [one for one in effect.of() if one.accepted is not None and (one.accepted.value or 0) >= 0.8]
    return max(good, key=_points)


def _steering(effect: Effect) -> list[Row]:
    best = best_point(effect)
    kept = best.accepted.value if best.accepted is not None else None
    return [
        Row("steering, strength", best.strength, None),
        Row("steering, rude openings, points", _points(best), ">= 40"),
        Row("steering, sentences accepted", kept or 0.0, ">= 0.8"),
        Row("random direction, points", _points(effect.at(best.strength, RANDOM)), "<= 5"),
    ]


if __name__ == "__main__":
    sys.exit(main())
