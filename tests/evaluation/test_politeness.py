"""Politeness: markers in sentences nobody tuned the words on, rates worked by hand, other scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation.metrics.politeness import PolitenessFeatures, markers
from sdialog.evaluation.metrics.text import sentences, words


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


def found(text: str) -> set[str]:
    return set(markers([words(part) for part in sentences(text.replace("’", "'"))]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thanks a lot for your help.", {"gratitude"}),
        ("I’m sorry to hear that.", {"apology"}),
        ("Would you mind waiting a moment?", {"indirect request"}),
        ("Please send it again.", {"please"}),
        ("Good evening, I wonder if you know.", {"greeting", "hedge", "indirect request"}),
        ("Maybe it is the cable.", {"hedge"}),
        ("Give me the number.", {"imperative"}),
        ("You idiot!", {"insult"}),
        ("I demand a refund right now!", {"demand"}),
        ("The lamp is at the depot.", set()),
        ("He said hello to me.", set()),
        ("I gave it to you yesterday.", set()),
        ("Shut up and listen.", {"insult"}),
        ("Of course, take your time.", {"deference"}),
        ("Don't worry.", set()),
        ("Do you want it?", set()),
        ("Give me a moment.", set()),
    ],
)
def test_markers(text: str, expected: set[str]) -> None:
    assert found(text) >= expected
    assert not expected or found(text) - expected <= {"imperative"}
    assert expected or not found(text)


POLITE = """
Hello, could you please tell me where my parcel is?
Thank you so much, that was quick.
I apologize for the delay, sir.
Excuse me, may I ask you something?
Perhaps we could look at it together.
Good morning! I would like to book a table for two.
That is a good point, I appreciate it.
Would it be possible to move the appointment?
Many thanks for getting back to me so soon.
I beg your pardon, I did not see you there.
Hi there, I was wondering whether you still have rooms.
If you don't mind, I'd like to see the menu.
I believe we may have met before.
Certainly, with pleasure.
""".strip().splitlines()

RUDE = """
Stop wasting my time.
What do you want now?
Fix it immediately.
You are useless, all of you.
Tell me the truth, liar.
I don't care about your rules.
How dare you charge me twice!
Get me your manager.
Are you stupid or what?
You must answer me now.
Hand it over.
What is wrong with you people?
Don't talk to me like that.
I insist on speaking to someone competent.
""".strip().splitlines()

NEITHER = """
Your order was shipped on Friday.
You need to restart the router and then wait a minute.
I will look into it immediately.
Do you have the receipt?
Check-in opens at three.
The help desk is on the second floor.
Turn left at the church, then it is on your right.
I understand your problem.
Take the blue line to the last stop.
Open the box and you will find the manual.
""".strip().splitlines()


def test_sentences_the_words_were_not_tuned_on() -> None:
    score = PolitenessFeatures("politeness")
    assert [score(dialog(("A", text))) for text in POLITE] == [100.0] * len(POLITE)
    assert [score(dialog(("A", text))) for text in RUDE] == [-100.0] * len(RUDE)
    # the three that go wrong are directions, which begin with a bare verb too
    assert sum(score(dialog(("A", text))) == 0 for text in NEITHER) == len(NEITHER) - 3


def test_rates_worked_by_hand() -> None:
    call = dialog(
        ("Ann", "Hello. Give me my lamp, idiot!"),
        ("Bob", "I am sorry. Could you tell me the number, please?"),
        ("Ann", "It is on the box."),
        ("Bob", "Thank you."),
    )
    values = PolitenessFeatures()(call)
    wanted = {"greeting", "imperative", "insult", "apology", "indirect_request", "please", "gratitude"}
    expected = {f"{name}_rate": 25.0 for name in wanted} | {
        "deference_rate": 0.0,
        "hedge_rate": 0.0,
        "demand_rate": 0.0,
    }
    # Ann's first is both and counts 0, Bob's are polite
    assert values == {"politeness": 50.0, **expected}
    assert PolitenessFeatures(["politeness", "insult-rate"], speaker="ANN")(call) == {
        "politeness": 0.0,
        "insult_rate": 50.0,
    }


def test_what_cannot_be_told_has_no_value() -> None:
    for talk in (Dialog(), dialog(("A", "Спасибо")), dialog(("A", "谢谢")), dialog(("A", "?!"))):
        assert set(PolitenessFeatures()(talk).values()) == {None}
    assert PolitenessFeatures("gratitude-rate")(dialog(("A", "Thanks"), ("B", "..."))) == 100.0


@given(st.lists(st.text(max_size=40), max_size=5))
def test_rates_keep_to_their_ranges(texts: list[str]) -> None:
    for key, value in PolitenessFeatures()(dialog(*(("A", text) for text in texts))).items():  # type: ignore[union-attr]
        assert value is None or (-100 if key == "politeness" else 0) <= value <= 100
