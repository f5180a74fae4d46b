"""The published functions that place turns keep their meaning; listeners respond where listeners do."""

from __future__ import annotations

from itertools import pairwise

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.audio.timeline import (
    LISTENER_WORDS,
    Fixed,
    LogNormal,
    Timing,
    Uniform,
    listener_words,
    place_turns,
    plan_backchannels,
    sample_pause,
    validate_pauses,
)
from sdialog.core.dialog import Turn
from sdialog.core.errors import UnknownNameError

STORY = (
    "When I came home last night, the door was open, and the lights were on, which I never leave on. So I called out, "
    "quietly at first, and nobody answered; then I went in, and there was the cat, asleep on the table."
)


def generator(seed: int = 1) -> numpy.random.Generator:
    return numpy.random.Generator(numpy.random.PCG64(seed))


@pytest.mark.parametrize(
    "wrong", ["quick", -0.1, (0.5, 0.2), (-0.1, 0.2), (0.1,), True, None, float("nan"), ("a", "b")]
)
def test_pauses_that_cannot_be_are_refused(wrong: object) -> None:
    for ask in (validate_pauses, lambda value: sample_pause(value, generator())):
        with pytest.raises(ValueError, match="pauses"):
            ask(wrong)


@pytest.mark.parametrize("key", ["overlap", "max_overlap"])
@pytest.mark.parametrize("wrong", [-0.1, 1.1, True, "0.5"])
def test_shares_that_cannot_be_are_refused(key: str, wrong: object) -> None:
    with pytest.raises(ValueError, match=key):
        place_turns(["A", "B"], [1.0, 1.0], generator(), **{key: wrong})  # type: ignore[arg-type]


def test_pauses_follow_the_published_laws() -> None:
    draw = generator()
    pauses = [sample_pause(0.4, draw) for _ in range(5000)]
    assert numpy.median(pauses) == pytest.approx(0.4, rel=0.03)
    assert numpy.log(pauses).std() == pytest.approx(0.4, rel=0.05)
    assert min(pauses) >= 0.05 and max(pauses) <= 3.0
    assert max(sample_pause(100.0, draw) for _ in range(9)) == 3.0
    evenly = [sample_pause((0.2, 0.7), draw) for _ in range(5000)]
    assert min(evenly) >= 0.2 and max(evenly) <= 0.7 and numpy.mean(evenly) == pytest.approx(0.45, abs=0.01)
    assert sample_pause(0, draw) == 0.0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.floats(0.0, 8.0)), max_size=12),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 999),
)
def test_turns_are_placed_within_the_published_limits(
    turns: list[tuple[str, float]], overlap: float, max_overlap: float, seed: int
) -> None:
    speakers, durations = [one[0] for one in turns], [one[1] for one in turns]
    starts, gaps = place_turns(speakers, durations, generator(seed), 0.3, overlap, max_overlap)
    assert len(starts) == len(turns) and len(gaps) == max(len(turns) - 1, 0)
    assert not starts or starts[0] == 0.3
    for turn, gap in enumerate(gaps):
        before, after = starts[turn], starts[turn + 1]
        assert after >= before + 0.05 - 1e-9
        assert gap == pytest.approx(after - before - durations[turn])
        assert gap >= -max(min(1.0, max_overlap * durations[turn]), 0) - 1e-9
    for speaker in "ABC":
        own = [
            (start, start + length)
            for who, start, length in zip(speakers, starts, durations, strict=True)
            if who == speaker
        ]
        assert all(b[0] >= a[1] + 0.1 - 1e-9 for a, b in pairwise(own))


def test_a_window_keeps_the_engines_pauses_only_where_they_are_natural() -> None:
    given = {"windows": [0, 0, 1], "natural_starts": [0.0, 1.9, 0.0]}
    _, gaps = place_turns(["A", "B", "A"], [1.0, 2.0, 1.0], generator(), **given)  # type: ignore[arg-type]
    assert gaps[0] == pytest.approx(0.9) and gaps[1] != 0.0
    assert place_turns(["A", "B", "A"], [1.0, 2.0, 1.0], generator(), pauses=0, **given)[1] == [0.0, 0.0]  # type: ignore[arg-type]
    early = place_turns(["A", "B"], [1.0, 2.0], generator(), windows=[0, 0], natural_starts=[0.0, 0.4])
    assert early[1] == [0.0]


def test_overlaps_come_as_often_as_asked_for() -> None:
    _, gaps = place_turns(["A", "B"] * 1000, [4.0] * 2000, generator(), 0.4, overlap=0.25)
    overlaps = [-gap for gap in gaps if gap < 0]
    assert len(overlaps) / len(gaps) == pytest.approx(0.25, abs=0.03)
    assert min(overlaps) >= 0.15 and max(overlaps) <= 1.0


def test_the_published_arguments_are_a_timing() -> None:
    assert Timing.from_pauses().gap == LogNormal(0.4)
    assert Timing.from_pauses(0.35, 0.15).overlap_share == 0.15
    assert Timing.from_pauses((6.0, 9.0)).max_gap == 9.0
    assert Timing.from_pauses(0).gap == Fixed(0.0) and Timing.from_pauses([0.2, 0.7]).pause == Uniform(0.2, 0.7)
    with pytest.raises(ValueError, match="overlap_share"):
        Timing.from_pauses(0.3, overlap=2.0)


def test_listeners_respond_after_clauses_of_long_turns() -> None:
    turns = [Turn(speaker="Ann", text=STORY), Turn(speaker="Bob", text="No, really?"), Turn(speaker="Cy", text=STORY)]
    letters = "".join(STORY.split())
    found = set()
    for seed in range(40):
        for one in plan_backchannels(turns, Timing(backchannels=20.0), seed):
            assert one.speaker != turns[one.turn].speaker and one.turn != 1
            assert letters[round(one.at * len(letters)) - 1] in ",.;"
            assert 0.05 < one.at < 0.95
            assert one.text in LISTENER_WORDS["english"]
            found.add((one.turn, one.speaker))
    assert found == {(0, "Bob"), (0, "Cy"), (2, "Ann"), (2, "Bob")}


def test_responses_are_as_many_as_asked_for() -> None:
    """The story takes 10.6 s at the expected pace, so that 3 a minute are 0.53 a telling."""
    seconds = 60 * len("".join(STORY.split())) / 900
    turns = [("Ann", STORY), ("Bob", "Oh.")]
    counts = [len(plan_backchannels(turns, Timing(backchannels=3.0), seed)) for seed in range(600)]
    assert numpy.mean(counts) == pytest.approx(3.0 * seconds / 60, rel=0.12)


def test_a_turn_has_responses_of_its_own() -> None:
    timing = Timing(backchannels=15.0)
    both = plan_backchannels([("Ann", STORY), ("Bob", STORY)], timing, 3)
    other = plan_backchannels([("Ann", "Hm."), ("Bob", STORY)], timing, 3)
    assert [one for one in both if one.turn == 1] == [one for one in other if one.turn == 1] != []


def test_nobody_responds_where_nobody_listens() -> None:
    assert plan_backchannels([("Ann", STORY)], Timing(backchannels=60.0), 1) == []
    assert plan_backchannels([("Ann", STORY), ("Bob", STORY)], Timing(), 1) == []
    assert plan_backchannels([], Timing(backchannels=60.0), 1) == []
    assert plan_backchannels([("Ann", ""), ("Bob", "😀" * 300)], Timing(backchannels=60.0), 1) == []


def test_listeners_speak_the_language_of_the_dialog() -> None:
    japanese = "昨日の夜、家に帰ったら、ドアが開いていて、電気もついていました。それで、中に入ってみたんです。"
    said = plan_backchannels([("A", japanese), ("B", "え。")], Timing(backchannels=60.0), 2, language="Japanese")
    assert said and {one.text for one in said} <= set(LISTENER_WORDS["japanese"])
    own = Timing(backchannels=60.0, backchannel_words=("Jo.",))
    assert {one.text for one in plan_backchannels([("A", STORY), ("B", "E.")], own, 2, language="czech")} == {"Jo."}
    with pytest.raises(UnknownNameError, match="backchannel_words"):
        plan_backchannels([("A", STORY), ("B", "E.")], Timing(backchannels=60.0), 2, language="czech")
    assert listener_words("Chinese") == LISTENER_WORDS["mandarin"]


def test_no_listener_laughs() -> None:
    laughs = ("ha", "he", "hi", "jaja", "哈", "笑")
    assert not [
        w for words in LISTENER_WORDS.values() for w in words if w.casefold().startswith(tuple(x * 2 for x in laughs))
    ]
