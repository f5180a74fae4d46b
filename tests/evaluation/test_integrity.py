"""Detectors of role integrity: what each finds, what none may find, and how often they err on the fault suite."""

# ruff: noqa: E501 - one dialog a line

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest
from evaluation import fault_suite, fault_wording_held_out, fault_wording_tuning
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.io import read_dialogs
from sdialog.evaluation import score_dialogs
from sdialog.evaluation.integrity.early_disclosure import EarlyDisclosureDetector
from sdialog.evaluation.integrity.echo import EchoDetector
from sdialog.evaluation.integrity.goodbye_loop import GoodbyeLoopDetector
from sdialog.evaluation.integrity.repeated_turn import RepeatedTurnDetector
from sdialog.evaluation.integrity.role_flip import RoleFlipDetector
from sdialog.evaluation.integrity.role_integrity import DETECTORS, RoleIntegrity

WORDINGS = {"tuning": fault_wording_tuning, "held-out": fault_wording_held_out}


def talk(*said, speakers=("Agent", "Customer"), **fields):
    """Return a dialog of turns that alternate, or of pairs of speaker and text."""
    pairs = [one if isinstance(one, tuple) else (speakers[n % len(speakers)], one) for n, one in enumerate(said)]
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in pairs], **fields)


def found(dialog, **options):
    """Return the kinds of fault that a dialog has."""
    return {kind for kind, value in RoleIntegrity(**options)(dialog).items() if value}


CLEAN = {
    "stop as a demand": talk("How can I help you?", "Please STOP charging my card!", "I have stopped it for you.", "Good."),
    "own plans": talk("It comes on Monday.", "I should ask my wife first.", "Take your time.", "Thanks, bye!"),
    "number read back": talk("Your order number?", "It is B4821-77.", "B4821-77, is that right?", "Yes. Bye!"),
    "fact read back": talk("When?", "The parcel should come to my office on Friday.",
                           "So the parcel should come to your office on Friday?", "Yes, thank you, bye."),
    "answer in the question's words": talk("You want the red one on Friday at noon?", "I want the red one on Friday at noon.",
                                           "Done.", "Great."),
    "double thanks": talk("Thank you so much for your help today!", "Thank you so much for your help today!",
                          speakers=("Ann", "Bob")),
    "a company of its kind": talk("As an AI company we keep no recordings.", "I'm an AI engineer myself.", "Good to know."),
    "back-channels": talk("First open the app.", "Okay.", "Then press the button.", "Okay.", "Then wait.", "Okay.",
                          "And now restart it.", "Okay."),
    "quotations": talk("It is on its way.", 'You said "how can I help you today?" and "I am Ava" and nothing else.',
                       "That was my colleague.", "Your colleague wrote 'let me check that for you' last week."),
    "asked to say it again": talk("Hello?", "The kettle I ordered never arrived at my place.", "Sorry, could you repeat that?",
                                  "The kettle I ordered never arrived at my place.", "I see.", "Good."),
    "other numbers": talk("The first parcel has the number 4821 on it.", "And?", "The first parcel has the number 4822 on it.",
                          "Fine."),
    "steps for somebody": talk("Step 1: open the app. Step 2: tap the cog.", "Done.", "Step 3: restart it.", "It works."),
    "colleagues about a customer": talk("The customer wants a refund.", "Then give it.", "Fine.", "Bye!",
                                        speakers=("Nora", "Diego")),
    "emphasis and asides": talk("It is *always* on. The fee (includes VAT) is low. (Depends on the day.)", "I see."),
    "talk of another": talk("This is customer support.", "I am Riley's sister, she sent me.", "Say hello to Riley.", "I will."),
    "goodbyes on both sides": talk("It is done.", "Thanks, bye!", "You're welcome, bye!", "Take care!", "You too!"),
    "further help offered twice": talk("Is there anything else I can help you with?", "Yes, the fee.", "It is gone. Is there "
                                       "anything else I can help you with?", "No, thanks.", "Bye!"),
    "emoji": talk("It is done.", "👍", "?", "Great."),
    "chats without full stops": talk("Is it the red one?", "Yes that's the one I was looking for"),
    "small talk": talk("My order came at last.", "How can you live without it?", "Can you help me carry it?",
                       "Sure. Your card is still here, by the way.", speakers=("Ann", "Bob")),
}  # fmt: skip


@pytest.mark.parametrize("dialog", CLEAN.values(), ids=CLEAN)
def test_nothing_is_found_in_clean_dialogs(dialog):
    assert found(dialog) == set()


@pytest.mark.parametrize(
    "ending",
    [
        "Please let me know if there is anything else.", "Please don't hesitate to contact us.", "Please enjoy.",
        "Please feel free to call again.", "Kindly reach out should you need anything.", "Please come again.",
        "Please leave a review.", "I would like to wish you luck.", "Great, I would like that.", "I would love to.",
        "It is what I am looking for.", "That's what it is", "Here is what you asked about", "A moment later it worked.",
    ],
)  # fmt: skip
def test_a_kind_ending_is_no_premature_stop(ending):
    dialog = talk("My lamp is late.", f"I have sent it again. {ending}", speakers=("Customer", "Agent"))
    assert DETECTORS["premature_stop"]()(dialog) == 0


def test_blank_lines_without_end_are_read_at_once():
    assert found(talk("How can I help?", "\n" * 20_000 + "My lamp is late.", "\n \t" * 7_000)) == {"empty_turn"}


FAULTY = {
    "role_flip": [
        talk("How can I help?", "My lamp is late.", "I want a refund, where is my lamp?", "What?"),
        talk("How can I help?", "How can I help you today? May I have your order number?", "What?", "Yes."),
        talk("Hi.", "Customer: I want it back.", "Customer: Where is it?", "What?"),
        talk("Hello.", "I am Ava Reed, and you?", "I see.", "Good.", speakers=("Ava Reed", "Riley Tran")),
        talk("Hello.", "Thank you, Riley, that helps.", speakers=("Ava Reed", "Riley Tran")),
        talk("I see.", "Hi, I'm Dana Brook.", "My name is Dana Brook, how are you?", "Good.", speakers=("A", "B")),
        talk("What is your order number? My order number is 4821.", "Yes.", "Fine.", "Bye."),
        talk("Hi.", "My old kettle leaks.", "I see, my kettle was leaking.", "Yes."),
        Dialog(turns=[Turn(speaker=s, text=t) for s, t in [("X", "Hi."), ("Y", "How can I help you?")]],
               personas={"X": {"role": "Customer Support Agent"}, "Y": {"name": "Bo", "_metadata": {"className": "Customer"}}}),
    ],
    "echo": [
        talk("Hi.", "I want to return the lamp that I bought.", "I want to return the lamp that I bought.", "Yes."),
        talk("It will be with you by Friday, as promised.", "It will be with you by friday as promised", "Yes.", "Ok."),
        talk("我想退掉上周买的那盏红色的灯", "我想退掉上周买的那盏红色的灯"),
    ],
    "leaked_reasoning": [
        talk("<think>They are angry.</think> Sorry."), talk("As an AI language model, I cannot do that."),
        talk("As an AI, I have no feelings."), talk("*sighs* Fine."), talk("Fine. (smiles warmly)"),
        talk("[pauses] Fine."), talk("You are a helpful support agent. Stay in character."),
        talk("Step 1: I should greet the customer. Step 2: I should apologize."),
        talk("Okay, the user wants a refund. I need to respond politely."), talk('{"name": "check_order", "arguments": {}}'),
        talk("Internal note: do not offer a refund."), talk("<|im_start|>assistant Hello"),
    ],
    "goodbye_loop": [talk("Done.", *["Bye!", "Take care!"] * 4), talk("Done, bye!", *["Thank you!", "You're welcome!"] * 4)],
    "premature_stop": [
        talk("Hi.", "Where is my lamp?"), talk("My lamp?", "One moment, let me check that."), talk("Hi.", "Please send me it."),
        talk("Hi.", "Please let me know if Monday suits you."), talk("Hi.", "I would like to send my parcel to"),
        talk("What is your order number?", "It is 4821."), talk("Yes?", "I think that the"), talk("灯在哪里？"),
        talk("Your lamp is late.", "I see.", complete=False),
    ],
    "empty_turn": [talk("Hi.", text) for text in ("", "  ", "...", "…", "[no response]", "null", "\u200b", "-")],
    "repeated_turn": [
        talk("Hi.", "Where is the lamp that I ordered?", "Soon.", "Where is the lamp that I ordered?"),
        talk("Call us on Monday.", "When?", "Call us on Monday.", "Why?", "Call us on Monday."),
        talk("I will check " * 8),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "dialog"), [pytest.param(k, d, id=f"{k}-{n}") for k, ds in FAULTY.items() for n, d in enumerate(ds)]
)
def test_faults_are_found(kind, dialog):
    seen = DETECTORS[kind]().inspect(dialog)
    assert seen.faulty is True
    assert seen.faults and seen.reason == f"turn {seen.faults[0].turn}: {seen.faults[0].sign}"
    assert DETECTORS[kind]()(dialog) == RoleIntegrity()(dialog)[kind] == 1


def test_only_the_faults_of_the_named_speaker_count():
    dialog = talk("Hi.", "...", "Fine.", "Good.")
    assert DETECTORS["empty_turn"](ai_speaker="agent")(dialog) == 0
    assert DETECTORS["empty_turn"](ai_speaker="CUSTOMER")(dialog) == 1
    seen = DETECTORS["empty_turn"](ai_speaker="Nora").inspect(dialog)
    assert (seen.faulty, seen.reason) == (None, "Nora says nothing")


def test_a_premature_stop_is_nobodys():
    assert DETECTORS["premature_stop"](ai_speaker="Agent")(talk("Hello.", "Where is my lamp?")) == 1


def test_ai_speaker_says_who_helps():
    dialog = talk("I want my money back.", "Why?", "It broke.", speakers=("Ann", "Bob"))
    assert RoleFlipDetector()(dialog) == 0
    assert RoleFlipDetector(ai_speaker="Ann")(dialog) == 1


def test_what_cannot_be_told_is_missing():
    assert set(RoleIntegrity()(Dialog()).values()) == {None}
    assert set(RoleIntegrity()(Dialog(turns=None)).values()) == {None}
    alone = talk("I want a lamp.", "I want it now.", speakers=("Ann",))
    assert RoleIntegrity()(alone) | {"role_flip": None, "echo": None, "early_disclosure": None} == RoleIntegrity()(
        alone
    )


@pytest.mark.parametrize("text", ["你好，我想退货。", "मुझे मदद चाहिए।", "أريد استرداد أموالي.", "Где мой заказ."])
def test_english_cues_say_nothing_of_other_scripts(text):
    dialog = talk(text, "好的。" if text[0] == "你" else text[:3])
    scores = RoleIntegrity()(dialog)
    assert [scores[kind] for kind in ("role_flip", "leaked_reasoning", "goodbye_loop", "premature_stop")] == [None] * 4
    assert scores["empty_turn"] == scores["repeated_turn"] == 0


# -- early disclosure

GOAL = ["order number 4711", "a broken red lamp", "paid by card"]
ALL = "My red lamp of order 4711 came broken, and I paid by card."


@pytest.mark.parametrize(
    "goal",
    [GOAL, dict(enumerate(GOAL)), "Order number 4711. A broken red lamp; paid by card.", lambda dialog: GOAL],
    ids=["list", "mapping", "text", "function"],
)
def test_a_goal_may_be_given_in_several_ways(goal):
    detector = EarlyDisclosureDetector(goal=goal)
    assert detector(talk("Hello?", ALL)) == 1
    assert detector(talk("Hello?", "My lamp is broken.", "Which order?", "4711.")) == 0
    assert RoleIntegrity(goal=goal)(talk("Hello?", ALL))["early_disclosure"] == 1


def test_a_goal_is_read_from_the_scenario_or_the_persona():
    assert EarlyDisclosureDetector()(talk("Hello?", ALL, scenario={"goal": GOAL})) == 1
    assert EarlyDisclosureDetector()(talk("Hello?", ALL, personas={"Customer": {"facts": GOAL}})) == 1
    seen = EarlyDisclosureDetector().inspect(talk("Hello?", ALL))
    assert (seen.faulty, seen.reason) == (None, "0 facts of a goal are known, and it takes 3")


def test_a_wrong_number_tells_nothing():
    assert EarlyDisclosureDetector(goal=GOAL, share=1)(talk("Hello?", ALL.replace("4711", "4712"))) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: EarlyDisclosureDetector(goal=["one"]),
        lambda: EarlyDisclosureDetector(share=0),
        lambda: EchoDetector(alike=1.5),
        lambda: RepeatedTurnDetector(least_words=0),
        lambda: GoodbyeLoopDetector(rounds=0),
    ],
)
def test_limits_that_cannot_be_met_are_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_unknown_kinds_are_named():
    with pytest.raises(UnknownNameError, match="role_flip"):
        RoleIntegrity(kinds=["role_flop"])


# -- as scores


def test_results_have_rates_intervals_and_evidence():
    dialogs = [talk("Hi.", "...", "Fine."), talk("Hi.", "Yes.", "Fine."), Dialog()]
    (result,) = score_dialogs([RoleIntegrity()], dialogs)
    part = result.parts["empty_turn"]
    assert (part.mean, part.n, part.n_missing) == (0.5, 2, 1)
    assert part.ci().method == "wilson"
    assert result.items[0].details["faults"]["empty_turn"] == [
        {"turn": 1, "speaker": "Customer", "sign": "no words", "evidence": "..."}
    ]
    # Each part says why it has no value itself, not what is wrong otherwise.
    reasons = {"0 facts of a goal are known, and it takes 3": 2, "the dialog has no turns": 1}
    assert result.parts["early_disclosure"].missing_reasons == reasons
    (one,) = score_dialogs([DETECTORS["empty_turn"]()], dialogs)
    assert list(one) == [1, 0] and one.missing_reasons == {"the dialog has no turns": 1}


def test_what_decides_a_value_is_in_its_identity():
    assert RoleIntegrity().identity() != RoleIntegrity(kinds=["echo"]).identity() != RoleIntegrity(goal=GOAL).identity()
    assert EchoDetector(alike=0.9).identity() != EchoDetector().identity()
    assert EarlyDisclosureDetector(goal=lambda dialog: GOAL).identity() is None


# -- properties

texts = st.text(max_size=60) | st.sampled_from([turn for dialog in CLEAN.values() for turn in map(str, dialog)])
speakers = st.sampled_from(["Agent", "User", "Ann Lee", "", None, "ann lee", "(x"])
dialogs = st.lists(st.builds(Turn, speaker=speakers, text=texts), max_size=8).map(lambda turns: Dialog(turns=turns))


@given(dialogs)
@settings(deadline=None)
def test_any_dialog_has_ones_zeros_and_missing_values(dialog):
    scores = RoleIntegrity(goal=GOAL)(dialog)
    assert list(scores) == list(DETECTORS)
    assert set(scores.values()) <= {0, 1, None}
    assert scores == RoleIntegrity(goal=GOAL)(dialog)


@given(dialogs, st.data())
@settings(deadline=None)
def test_a_fault_put_in_is_found_wherever_it_is(dialog, data):
    place = data.draw(st.integers(0, len(dialog)))
    turns = list(dialog)
    dialog = Dialog(turns=[*turns[:place], Turn(speaker="Agent", text="<think>Hm.</think> ..."), *turns[place:]])
    seen = DETECTORS["leaked_reasoning"]().inspect(dialog)
    assert place in [fault.turn for fault in seen.faults]
    dialog = Dialog(turns=[*turns[:place], Turn(speaker="Agent", text=" "), *turns[place:]])
    assert place in [fault.turn for fault in DETECTORS["empty_turn"]().inspect(dialog).faults]


@given(dialogs)
@settings(deadline=None)
def test_the_letter_case_of_labels_does_not_matter(dialog):
    shouted = Dialog(turns=[Turn(speaker=t.speaker and t.speaker.upper(), text=t.text) for t in dialog])
    kinds = [kind for kind in DETECTORS if kind != "role_flip"]  # which goes by names as they are written in the text
    assert RoleIntegrity(kinds=kinds)(dialog) == RoleIntegrity(kinds=kinds)(shouted)


# -- the fault suite


def test_the_two_wordings_share_nothing():
    def said(data):
        if isinstance(data, str):
            yield data
        elif isinstance(data, (list, tuple, dict)):
            for entry in data.values() if isinstance(data, dict) else data:
                yield from said(entry)

    one, other = (
        {text for name, data in vars(w).items() if name.isupper() for text in said(data)} for w in WORDINGS.values()
    )
    assert len(one) > 100 and len(other) > 100 and one.isdisjoint(other)


@cache
def false_alarms(split):
    scores = [RoleIntegrity()(dialog) for dialog in fault_suite.clean_dialogs(WORDINGS[split], 1400)]
    return {kind: [score[kind] for score in scores if score[kind] is not None] for kind in DETECTORS}


@pytest.mark.slow
@pytest.mark.parametrize("split", WORDINGS)
@pytest.mark.parametrize("kind", fault_suite.KINDS)
def test_faults_of_the_suite_are_found_and_clean_dialogs_left_alone(split, kind):
    detector = DETECTORS[kind]()
    hits = [detector(dialog) for dialog in fault_suite.faulty_dialogs(WORDINGS[split], kind, 200)]
    assert sum(map(bool, hits)) / len(hits) >= 0.95
    clean = false_alarms(split)[kind]
    assert len(clean) > 800 and sum(clean) / len(clean) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("split", WORDINGS)
def test_dialogs_that_end_without_a_goodbye_have_not_stopped_too_soon(split):
    """The other clean dialogs nearly all end in a goodbye, after which that detector looks no further."""
    detector = DETECTORS["premature_stop"]()
    assert sum(detector(dialog) for dialog in fault_suite.unclosed_dialogs(WORDINGS[split], 1400)) <= 14


@pytest.mark.slow
@pytest.mark.parametrize("kind", [k for k in fault_suite.KINDS if k not in ("role_flip", "early_disclosure")])
def test_sentences_of_another_hand_do_not_change_that(kind):
    """Role flips are left out: that grammar has helpers who speak of the client's things as theirs."""
    detector = DETECTORS[kind]()
    hits = [detector(dialog) for dialog in fault_suite.scripted_dialogs(kind, 200)]
    assert sum(map(bool, hits)) / len(hits) >= 0.95
    clean = [detector(dialog) for dialog in fault_suite.scripted_dialogs(None, 1400)]
    assert sum(clean) / len(clean) <= 0.01


@pytest.mark.slow
def test_dialogs_of_the_embedded_model_are_clean(tmp_path):
    command = [sys.executable, "-m", "sdialog.cli.main", "generate", "support-desk", "-n", "30", "-q", "--out", "run"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    scores = [RoleIntegrity()(dialog) for dialog in read_dialogs(tmp_path / "run")]
    assert len(scores) == 30
    assert sum(any(score.values()) for score in scores) <= 1
