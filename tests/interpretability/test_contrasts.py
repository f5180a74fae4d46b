"""Contrast sets, directions from them, and what directions do to an agent."""

from __future__ import annotations

import json

import numpy
import pytest
import torch

from benchmarks import mood_direction as mood
from sdialog.agents import Agent
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.interpretability.anatomy.taps import read
from sdialog.interpretability.contrasts import ContrastSet, Example, prompt_of, vary
from sdialog.interpretability.direction_effects import DIRECTION, RANDOM, evaluate_direction, random_vector
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.finding import DirectionSweep, contrast_rows, find_direction
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.tokens.rendering import Rendering
from sdialog.llm.types import Message
from sdialog.personas import Customer

MODEL = "embedded:mini"
SITE = "layers.1.resid_post"
NAMES = ("Ann Lee", "Bob Ray", "Eva Kim", "Leo Fox", "Ida Orr", "Tom Ash")


def people() -> list[Customer]:
    return [Customer(name=name, issue="my lamp is late") for name in NAMES]


def moods() -> ContrastSet:
    return ContrastSet.from_personas(vary(people(), "politeness", "rude", "polite"), names=("rude", "polite"))


def talk(number: int = 0) -> Dialog:
    texts = ("Hello, how can I help you?", "My lamp is late.", "I will look.", "Thank you.")
    turns = [Turn(speaker=("Sam", NAMES[number])[n % 2], text=text) for n, text in enumerate(texts)]
    return Dialog(turns=turns, id=f"d{number}")


# -- sets


def test_personas_differ_in_one_field_and_nothing_else() -> None:
    found = moods()
    assert found.paired and found.ask and len(found.positive) == len(NAMES)
    for one, other, persona in zip(found.positive, found.negative, people(), strict=True):
        assert one.group == other.group and one.speaker == persona.name
        (rude,), (polite,) = one.messages, other.messages
        assert rude.content.replace('"rude"', '"polite"') == polite.content
        assert polite.content == Agent(persona.clone(politeness="polite"), model=MODEL).prompt()
    with pytest.raises(UnknownNameError, match="politness"):
        vary(people(), "politness", "rude", "polite")


def test_the_same_dialog_under_two_personas() -> None:
    pairs = vary(people()[:2], "politeness", "rude", "polite")
    found = ContrastSet.from_personas(pairs, [talk(0), talk(1)])
    assert [len(one.messages) for one in found.positive] == [5, 5] and not found.ask
    assert found.positive[0].messages[1:] == found.negative[0].messages[1:]
    assert [m.role for m in found.positive[0].messages] == ["system", "user", "assistant", "user", "assistant"]
    turns = ContrastSet.from_personas(pairs, [talk(0), talk(1)], every_turn=True)
    assert turns.ask and [len(one.messages) for one in turns.positive] == [2, 4, 2, 4]
    assert [one.group for one in turns.positive] == ["0", "0", "1", "1"]
    with pytest.raises(UserError, match="one for each"):
        ContrastSet.from_personas(pairs, [talk(0)])
    # Nobody is called Ann Lee in the second dialog: there it is the second speaker.
    one_pair = ContrastSet.from_personas(pairs[:1], [talk(0), talk(1)])
    assert [one.speaker for one in one_pair.positive] == [NAMES[0], NAMES[1]]
    opener = ContrastSet.from_personas([("You are Sam.", "You are rude.")], [talk(0)], speaker="Sam")
    assert [m.role for m in opener.positive[0].messages][1] == "assistant" and opener.positive[0].ask
    named = ContrastSet.from_personas([({"name": "Sam", "mood": "rude"}, {"name": "Sam"})], [talk(0)])
    assert named.positive[0].speaker == "Sam"


def test_pairs_of_texts_dialogs_and_messages() -> None:
    texts = ContrastSet.from_pairs([("Be rude.", "Be polite.")], system="You are Ann.", names=("rude", "polite"))
    assert [m.content for m in texts.positive[0].messages] == ["You are Ann.", "Be rude."] and texts.ask
    dialogs = ContrastSet.from_pairs([(talk(0), talk(1))], groups=["all"])
    assert dialogs.positive[0].group == "all" and not dialogs.ask
    messages = ContrastSet.from_pairs([((Message("user", "Hi."),), (Message("user", "Bye."),))])
    assert messages.negative[0].messages[0].content == "Bye."
    for wrong in ([(7, "x")], [((), "x")]):
        with pytest.raises((UserError, TypeError)):
            ContrastSet.from_pairs(wrong)
    with pytest.raises(UserError, match="both sides"):
        ContrastSet((), (Example((Message("user", "Hi."),), "0"),))
    with pytest.raises(UserError, match="no pairs"):
        ContrastSet(texts.positive, texts.negative * 2, paired=True)


def test_labelled_dialogs() -> None:
    dialogs = [talk(number) for number in range(4)]
    found = ContrastSet.from_labels(dialogs, {"d0": "rude", "d1": "polite", "d3": "polite"}, positive="rude")
    assert (len(found.positive), len(found.negative), found.paired) == (1, 2, False)
    assert found.names == ("rude", "polite")
    by_function = ContrastSet.from_labels(dialogs, lambda one: one.id == "d2")
    assert len(by_function.positive) == 1 and by_function.names == ("True", "False")


# -- directions


def test_a_direction_is_the_mean_difference_of_what_one_pass_gives() -> None:
    found = find_direction(MODEL, moods(), SITE)
    assert isinstance(found, Direction)
    network = network_of(MODEL)
    rows: list[list[numpy.ndarray]] = [[], []]
    for side, examples in enumerate((moods().positive, moods().negative)):
        for one in examples:
            ids = Rendering.from_messages(network.tokenizer, one.messages).ids
            with torch.no_grad():
                rows[side].append(read(network, [SITE], torch.tensor([ids]))[SITE][0, -1].double().numpy())
    expected = numpy.mean(rows[0], axis=0) - numpy.mean(rows[1], axis=0)
    numpy.testing.assert_allclose(found.vector, expected, atol=1e-3)
    assert (found.positive, found.negative, found.span, found.site) == ("rude", "polite", "last_prompt", SITE)
    assert found.source.model == MODEL and found.source.fingerprint and found.held_out is not None


def test_a_sweep_has_a_direction_for_each_site() -> None:
    found = find_direction(MODEL, moods(), ["layers.0.resid_post", "layers.2.resid_post"], folds=3)
    assert isinstance(found, DirectionSweep)
    assert list(found.directions) == ["layers.0.resid_post", "layers.2.resid_post"]
    assert found.best.site == found.sweep.best.site and found["layers.0.resid_post"].site == "layers.0.resid_post"
    assert json.dumps(found.json()) and "layers.2.resid_post" in found.table()
    with pytest.raises(UnknownNameError):
        found["layers.1.resid_post"]
    probe = found.rows.probe("layers.2.resid_post", folds=3)
    assert probe.scores["accuracy"].value == 1.0 and probe.probe.source.span == "last_prompt"


def test_replies_may_be_read() -> None:
    rows = contrast_rows(MODEL, moods(), SITE, max_tokens=6)
    again = contrast_rows(MODEL, moods(), SITE, max_tokens=6)
    numpy.testing.assert_array_equal(rows.positive[SITE], again.positive[SITE])
    assert rows.sources[SITE].span == "generated" and rows.positive[SITE].shape == (len(NAMES), 192)
    dialogs = ContrastSet.from_pairs([(talk(0), talk(1))])
    with pytest.raises(UserError, match="spoken last"):
        contrast_rows(MODEL, dialogs, SITE, max_tokens=6)
    with pytest.raises(UnsupportedFeatureError, match="cannot write"):
        contrast_rows(network_of(MODEL), moods(), SITE, max_tokens=6)
    whole = contrast_rows(network_of(MODEL), dialogs, SITE)
    assert whole.sources[SITE].span == "content & role(assistant)"
    with pytest.raises(UserError, match="selects no token"):
        contrast_rows(MODEL, moods(), SITE, span="role(tool)")


def test_few_examples_have_no_held_out_score() -> None:
    found = find_direction(MODEL, ContrastSet.from_pairs([("Be rude.", "Be polite.")]), SITE)
    assert isinstance(found, Direction) and found.held_out is None


def test_a_sweep_takes_as_many_folds_as_there_are_groups() -> None:
    sites = ["layers.0.resid_post", "layers.2.resid_post"]
    people = [Customer(name=name) for name in NAMES[:3]]
    found = find_direction(MODEL, ContrastSet.from_personas(vary(people, "politeness", "rude", "polite")), sites)
    assert isinstance(found, DirectionSweep) and len(found.sweep.best.chosen) == 3
    with pytest.raises(UserError, match=r"takes 3 groups of examples on each side.* there are 2"):
        find_direction(MODEL, ContrastSet.from_personas(vary(people[:2], "politeness", "rude", "polite")), sites)


# -- effects


def agent(mood: str = "polite", **options: object) -> Agent:
    return Agent(Customer(name="Ann Lee", politeness=mood), model=MODEL, max_tokens=10, **options)


def direction() -> Direction:
    found = find_direction(MODEL, moods(), SITE)
    assert isinstance(found, Direction)
    return found


def test_nothing_is_added_at_strength_0_and_the_control_is_as_long() -> None:
    effect = evaluate_direction(direction(), agent(), strengths=[1.0], metric=len, n=4, span="choices[0:1]", seed=2)
    assert [(p.vector, p.strength) for p in effect.points] == [(v, s) for v in (DIRECTION, RANDOM) for s in (0.0, 1.0)]
    plain, control = effect.at(0.0), effect.at(0.0, RANDOM)
    assert plain.values == control.values and plain.change.value == 0
    assert effect.said[0] == effect.said[2] != effect.said[1]
    assert plain.loss.value is not None and effect.at(1.0).loss.value > plain.loss.value
    changes = [one - other for one, other in zip(effect.at(1.0).values, plain.values, strict=True)]
    assert effect.at(1.0).change.value == pytest.approx(sum(changes) / 4)
    assert numpy.linalg.norm(random_vector(direction(), 5)) == pytest.approx(direction().norm)
    with pytest.raises(UserError, match="no strength"):
        effect.at(7.0)


def test_one_batch_gives_what_each_strength_gives_alone() -> None:
    options = {"metric": len, "n": 3, "seed": 1, "controls": False, "span": "choices[0:1]"}
    together = evaluate_direction(direction(), agent(), ["", "Hello."], strengths=[0.5, 1.0, 2.0], **options)
    for strength in (0.5, 2.0):
        alone = evaluate_direction(direction(), agent(), ["", "Hello."], strengths=[strength], **options)
        assert alone.at(strength).values == together.at(strength).values
        assert alone.at(strength).loss.value == pytest.approx(together.at(strength).loss.value, abs=1e-4)
    assert together.at(1.0).metric.interval is not None


def test_loss_is_the_mean_negative_log_likelihood_of_the_reply() -> None:
    ann = agent(temperature=0)
    effect = evaluate_direction(direction(), ann, strengths=[0], metric=len, n=1, controls=False, max_tokens=40)
    network = network_of(MODEL)
    messages = [Message("system", ann.prompt()), Message("assistant", effect.said[0][0])]
    rendering = Rendering.from_messages(network.tokenizer, messages, ask=False)
    start = next(place for place, label in enumerate(rendering.labels) if label.role == "assistant")
    with torch.no_grad():
        logits = network.model(torch.tensor([rendering.ids])).logits[0].double().log_softmax(-1)
    losses = [-logits[place - 1, rendering.ids[place]].item() for place in range(start, len(rendering.ids))]
    assert effect.at(0.0).loss.value == pytest.approx(sum(losses) / len(losses), abs=1e-4)


def test_whole_dialogs_with_a_partner() -> None:
    partner = Agent(Customer(name="Sam"), model=MODEL, max_tokens=10)
    options = {"partner": partner, "strengths": [1.0], "n": 2, "max_turns": 4, "seed": 3, "controls": False}
    effect = evaluate_direction(direction(), agent(), metric=len, accept=lambda one: len(one) / 4, **options)
    again = evaluate_direction(direction(), agent(), metric=len, **options)
    first = effect.said[0][0]
    assert isinstance(first, Dialog) and first.get_speakers() == ["Ann Lee", "Sam"] and len(first) <= 4
    assert [str(one) for row in effect.said for one in row] == [str(one) for row in again.said for one in row]
    assert effect.at(1.0).accepted is not None and again.at(1.0).accepted is None
    with pytest.raises(UserError, match="not both"):
        evaluate_direction(direction(), agent(), ["Hi."], metric=len, **options)


def test_tables_figures_and_json() -> None:
    effect = direction().evaluate(agent(), strengths=[1.0], metric=len, n=2)
    assert json.dumps(effect.json()) and "random" in effect.table() and effect.table().count("\n") == 5
    pytest.importorskip("matplotlib")
    assert len(effect.plot().axes) == 2
    bare = Direction(effect.direction.vector)
    with pytest.raises(UserError, match="give site="):
        bare.evaluate(agent(), metric=len)


def test_projecting_out_all_of_a_random_direction_is_no_great_matter() -> None:
    effect = evaluate_direction(direction(), agent(), strengths=[1.0], metric=len, op="project_out", n=2)
    assert effect.at(1.0, RANDOM).loss.value < 1.0


def test_prompts_of_recorded_personas_are_those_of_agents() -> None:
    persona = Customer(name="Ann", politeness="rude")
    assert prompt_of(persona) == prompt_of(persona.record()) == Agent(persona, model=MODEL).prompt()


# -- a mood of the embedded model; benchmarks/mood_direction.py prints all the figures


@pytest.mark.slow
def test_a_mood_is_steered_from_the_first_generated_token() -> None:
    effect = mood.openings(mood.mood_direction(mood.STEERED, 60), "polite", 40, strengths=[0.6])
    point, control = effect.at(0.6), effect.at(0.6, RANDOM)
    assert effect.span == "choices" and point.change.value >= 0.4
    assert point.accepted is not None and point.accepted.value >= 0.8
    assert abs(control.change.value) <= 0.05


@pytest.mark.slow
def test_a_mood_is_taken_out() -> None:
    effect = mood.openings(
        mood.mood_direction(mood.TAKEN_OUT, 60), "rude", 40, strengths=[1.0], op="project_out", span="everything"
    )
    point, control = effect.at(1.0), effect.at(1.0, RANDOM)
    assert effect.at(0.0).metric.value >= 0.9
    assert point.change.interval.high < 0 and point.accepted.value >= 0.8
    assert abs(control.change.value) <= 0.05


@pytest.mark.long
def test_a_mood_is_read_in_every_turn_of_dialogs_not_seen() -> None:
    assert mood.mood_probe().scores["accuracy"].value >= 0.95


@pytest.mark.long
def test_a_mood_is_steered_through_whole_dialogs() -> None:
    effect = mood.whole_dialogs(mood.turns_direction(mood.STEERED))
    assert effect.at(2.0).change.interval.low > 0 and effect.at(2.0).accepted.value >= 0.8
    assert abs(effect.at(2.0, RANDOM).change.value) <= 0.05
