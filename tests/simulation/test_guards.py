"""Drafts that must not be said, loops, and goodbyes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.sync import run
from sdialog.llm.types import GenerateRequest
from sdialog.simulation import Conduct, Conversation, EmptyReplyGuard, LoopDetector, RoleFlipGuard
from sdialog.simulation.farewell import is_farewell
from sdialog.simulation.repetition import is_word_loop

BETWEEN = Dialog(
    personas={"Riley Tran": {}, "Ava": {}}, turns=[Turn(speaker="Riley Tran", text="Where is my order, please?")]
)


@pytest.mark.parametrize(
    "text",
    [
        "Riley Tran: I want my order.",
        "riley: I want my order.",
        "[Riley Tran]: I want my order.",
        "**Riley:** I want my order.",
        "Hello, I am Riley Tran and I want my order.",
        "My name is Riley.",
        "where is my order please",
    ],
)
def test_a_flipped_role_is_refused(text: str) -> None:
    assert RoleFlipGuard().check(text, BETWEEN, "Ava") is not None


@pytest.mark.parametrize(
    "text",
    [
        "Hello Riley, I am Ava.",
        "Riley, your order is here.",
        "I am Riley's contact here.",
        "Ava: it is on its way.",
        "Rileys are welcome: always.",
        "Sorry, where is what?",
    ],
)
def test_the_own_role_passes(text: str) -> None:
    assert RoleFlipGuard().check(text, BETWEEN, "Ava") is None


@pytest.mark.parametrize(
    "text",
    ["Hello, this is customer support.", "I am a customer of yours.", "I am an agent here.", "This is A fine day."],
)
def test_common_words_that_are_names_too_pass(text: str) -> None:
    for speaker in ("Agent", "A"):
        dialog = Dialog(personas={"Customer": {}, "A": {}, "Agent": {}})
        assert RoleFlipGuard().check(text, dialog, speaker) is None


def test_a_moderator_may_introduce_somebody() -> None:
    panel = Dialog(personas={"Nora": {}, "Diego": {}, "Chair": {}})
    assert RoleFlipGuard().check("Nora, this is Diego, our engineer.", panel, "Chair") is None
    assert RoleFlipGuard().check("I am Diego, the engineer.", panel, "Chair") is not None


def test_short_echoes_and_shared_names_pass() -> None:
    hello = Dialog(personas={"Ana Diaz": {}, "Ana Roy": {}}, turns=[Turn(speaker="Ana Diaz", text="Hello!")])
    assert RoleFlipGuard().check("Hello!", hello, "Ana Roy") is None
    assert RoleFlipGuard().check("I am Ana.", hello, "Ana Roy") is None


@given(st.text(max_size=80))
def test_guards_never_fail(text: str) -> None:
    RoleFlipGuard().check(text, BETWEEN, "Ava")
    assert (EmptyReplyGuard().check(text, None, "Ava") is None) == bool(text.strip())
    is_farewell(text)
    is_word_loop(text)


def test_refused_drafts_are_written_again_and_counted() -> None:
    drafts = iter(["Ana: hello to you too.", "", "Hello Ana, what a day."])
    asked: list[int | None] = []

    def reply(request: GenerateRequest) -> str:
        asked.append(request.config.seed)
        return next(drafts)

    ana = Agent(name="Ana", model=ScriptedModel(["Hello Ben."]))
    ben = Agent(name="Ben", model=ScriptedModel(reply))
    outcome = run(Conversation([ana, ben], Conduct(max_turns=2), seed=1).run())
    assert outcome.dialog[1].text == "Hello Ana, what a day."
    assert outcome.counts == {"role_flip": 1, "empty_reply": 1}
    assert len(set(asked)) == 3
    assert outcome.usage["Ben"].calls == 3


def test_after_the_last_retry_the_draft_is_taken_as_it_is() -> None:
    ana = Agent(name="Ana", model=ScriptedModel(["Hello Ben."]))
    ben = Agent(name="Ben", model=ScriptedModel(["Ana: I am not myself."]))
    outcome = run(Conversation([ana, ben], Conduct(max_turns=2, guard_retries=1), seed=1).run())
    assert outcome.dialog[1].text == "Ana: I am not myself."
    assert outcome.counts == {"role_flip": 2}


@pytest.mark.parametrize(
    "text",
    [
        "Goodbye.",
        "Thank you for everything, have a lovely day.",
        "Bye bye, take care, friend!",
        "See you soon, have a super day!",
        "I am done here, bye.",
        "¡Adiós y gracias!",
        "Merci, au revoir.",
        "Tschüss!",
        "Arrivederci, a presto.",
        "До свидания!",
        "さようなら。",
        "再见!",
        "안녕히 가세요.",
        "مع السلامة",
        "अलविदा",
        "Hej då!",
    ],
)
def test_goodbyes_are_known(text: str) -> None:
    assert is_farewell(text)


@pytest.mark.parametrize(
    "text",
    ["By the way, where is it?", "Good morning!", "I bought a kettle.", "Goodbye then. Or is there anything else?", ""],
)
def test_other_talk_is_no_goodbye(text: str) -> None:
    assert not is_farewell(text)


def turns(*texts: str) -> list[Turn]:
    return [Turn(speaker="AB"[n % 2], text=text) for n, text in enumerate(texts)]


def test_what_counts_as_a_loop() -> None:
    detector = LoopDetector()
    assert detector.check(turns(*["Where is my order?", "I am looking."] * 3), parties=2) == "repetition"
    assert detector.check(turns(*["Where is my order?", "I am looking."] * 2), parties=2) is None
    assert detector.check(turns(*["Yes.", "So?"] * 4), parties=2) is None
    assert detector.check(turns(*["Yes.", "So?"] * 5), parties=2) == "repetition"
    varied = turns(*[x for n in range(6) for x in ("Is it red?" if n % 2 else "Is it very blue?", f"Guess {n} again.")])
    assert detector.check(varied[:-1], parties=2) == "repetition"
    assert detector.check(turns("Hi.", "Bye.", "Bye bye.", "Goodbye."), parties=2) == "goodbye_loop"
    assert detector.check(turns("Bye.", "Bye bye."), parties=2) is None
    assert detector.check(turns("I will see " * 7), parties=2) == "repetition"
    assert LoopDetector(0).check(turns(*["Where is my order?"] * 30), parties=2) is None
