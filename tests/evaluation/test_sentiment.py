"""Sentiment: the formula worked by hand, sentences nobody tuned the words on, courses, other scripts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.evaluation.metrics.sentiment import SentimentTrajectory, TurnSentiment, sentiment, slope
from sdialog.evaluation.metrics.wordlists import word_list

GOOD = """
I am so happy with how this turned out.
You have been very helpful, thank you.
That is great news!
Everything arrived on time and works perfectly.
Not bad at all.
What a lovely surprise, I love it.
No problem, glad I could help.
The staff were friendly and the room was clean.
I can't recommend this place enough, it is amazing.
Fantastic, that solved it.
My daughter was delighted with the gift.
It is easy to use and really fast.
I appreciate your patience.
We had a wonderful evening.
Best purchase I made this year.
The new phone is a joy to use.
Wow, that was quick!
You saved my weekend, thanks a million.
I am really pleased with the result.
Great, that sounds perfect.
It couldn't be better.
The doctor was kind and patient with my son.
I'm so relieved to hear that.
Such a smooth check-in, well done.
My neighbour praised your work.
That makes me very proud of the team.
I'm looking forward to it, it will be fun.
""".strip().splitlines()

BAD = """
This is the worst service I have ever had.
My order never arrived and nobody answers.
I am really disappointed with the quality.
The screen is broken and the battery is useless.
I don't like the way you talk to me.
It was not good, to be honest.
You lied to me, this is fraud.
I'm fed up, the line crashes all the time.
That is unacceptable.
He was rude and I felt awful afterwards.
The food was cold and tasted terrible.
I hate waiting for hours.
Unfortunately the parcel was damaged.
What a waste of money.
It failed again, this is so frustrating.
I have been on hold for an hour and I am losing my patience.
The hotel smelled and the bed was filthy.
I was charged twice and I am furious.
Your app keeps crashing and I lost all my photos.
I'm worried that it will not arrive in time.
This is a complete disaster.
The teacher was unfair to my daughter.
I don't trust this company any more.
It's a pity that nobody told me.
That is pretty bad news.
The driver was aggressive and I felt unsafe.
I regret buying it.
""".strip().splitlines()

NEITHER = """
The parcel is at the depot.
My number is four eight two one.
Where do you live?
It leaves at nine.
I bought two of them in March.
The box has a label on it.
Could you read out the address?
She works at the bank.
Would you like a bag?
What kind of ticket do you need?
The meeting starts at ten in the blue room.
I will transfer you to the billing department.
My address has changed since then.
It looks like the second one from the left.
Please enter the code on the screen.
Two adults and one child.
""".strip().splitlines()


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


def curve(total: float) -> float:
    return total / math.sqrt(total * total + 15)


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("good", 2), ("not good", -1.5), ("very good", 2.8), ("not very good", -2.1), ("slightly annoying", -1.2),
        ("good and awful", -1), ("It isn’t bad.", 1.5), ("Not now. Good.", 2), ("never ever in my life good", 2),
        ("where", 0), ("pretty bad", -2.8), ("terribly late", -1.4), ("what kind of lamp", 0), ("I'd like that", 0),
    ],
)  # fmt: skip
def test_the_formula_worked_by_hand(text: str, total: float) -> None:
    assert sentiment(text) == pytest.approx(curve(total))


def test_sentences_the_words_were_not_tuned_on() -> None:
    right = sum(sentiment(text) > 0 for text in GOOD) + sum(sentiment(text) < 0 for text in BAD)  # type: ignore[operator]
    neutral = sum(abs(sentiment(text)) < 0.3 for text in NEITHER)  # type: ignore[arg-type]
    # 51 of 54 and 16 of 16 when the words were written
    assert right >= 0.9 * len(GOOD + BAD) and neutral >= 0.9 * len(NEITHER)


def test_a_call_that_is_made_good() -> None:
    texts = [
        "This is terrible, I am furious.",
        "I am sorry, let me check.",
        "Fine.",
        "It is fixed.",
        "Thanks, wonderful!",
    ]
    call = dialog(*(("AB"[number % 2], text) for number, text in enumerate(texts)))
    moods = [sentiment(text) for text in texts]
    values = SentimentTrajectory()(call)
    assert values == {
        "sentiment": pytest.approx(sum(moods) / 5),  # type: ignore[arg-type]
        "sentiment_start": moods[0],
        "sentiment_end": moods[4],
        "sentiment_change": pytest.approx(moods[4] - moods[0]),  # type: ignore[operator]
        "sentiment_slope": pytest.approx(slope(moods)),  # type: ignore[arg-type]
        "sentiment_lowest": moods[0],
    }
    assert values["sentiment_change"] > 1 and values["sentiment_slope"] > 0.5  # type: ignore[index]
    assert TurnSentiment()(call) == moods and TurnSentiment(speaker="b")(call) == moods[1::2]
    assert SentimentTrajectory("sentiment", speaker="B")(call) == pytest.approx((moods[1] + moods[3]) / 2)  # type: ignore[operator]


def test_what_cannot_be_told_has_no_value() -> None:
    assert set(SentimentTrajectory()(Dialog()).values()) == {None}
    assert set(SentimentTrajectory()(dialog(("A", "Это ужасно"), ("B", "你好"))).values()) == {None}
    assert TurnSentiment()(dialog(("A", "..."))) is None and sentiment("") is None
    one = SentimentTrajectory()(dialog(("A", "Good.")))
    assert one == {**dict.fromkeys(one), "sentiment": curve(2), "sentiment_lowest": curve(2)}


def test_slope_of_a_line() -> None:
    # least squares by hand for 1, 3, 2: places 0, 1/2, 1; covariance 0.5, variance 0.5
    assert slope([1.0, 3.0, 2.0]) == pytest.approx(1.0)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.floats(-2, 2))
def test_slope_turns_round_with_time_and_ignores_a_shift(numbers: list[float], shift: float) -> None:
    found = slope(numbers)
    assert slope(numbers[::-1]) == pytest.approx(-found, abs=1e-9)  # type: ignore[operator]
    assert slope([number + shift for number in numbers]) == pytest.approx(found, abs=1e-9)


@given(st.text(max_size=80))
def test_moods_keep_to_their_range(text: str) -> None:
    mood = sentiment(text)
    assert mood is None or -1 <= mood <= 1


@given(st.lists(st.sampled_from(["the lamp", "is good", "is bad", "very nice"]), min_size=1, max_size=6))
def test_a_good_word_more_is_better(parts: list[str]) -> None:
    text = ". ".join(parts)
    assert sentiment(f"{text}. Excellent.") > sentiment(text)  # type: ignore[operator]


def test_no_word_has_two_weights() -> None:
    weighted = [
        word for title, words in word_list("sentiment").items() if title.lstrip("-").isdigit() for word in words
    ]
    assert len(weighted) == len(set(weighted)) > 700
