"""Utterances are placed as conversation is: in order, nobody twice at once, and the same again for the same seed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.audio.sound import Phoneme, Word
from sdialog.audio.timeline import (
    Fixed,
    Placed,
    Timeline,
    Timing,
    Utterance,
    ask_gaps,
    lay_out,
    measure,
)
from sdialog.audio.tts.base import engines
from sdialog.core.errors import ConfigError, UserError

NAMES = ["Ann", "Bob", "Cy 😀", "D/E"]


def conversation(*pairs: tuple[str, float]) -> list[Utterance]:
    return [Utterance(turn, speaker, duration) for turn, (speaker, duration) in enumerate(pairs)]


LONG = conversation(*((NAMES[turn % 3], 2.0 + turn % 4) for turn in range(30)))


@st.composite
def spoken(draw: st.DrawFn) -> list[Utterance]:
    durations = st.one_of(st.just(0.0), st.floats(0.01, 12.0))
    turns = draw(st.lists(st.tuples(st.sampled_from(NAMES), durations), max_size=14))
    utterances = conversation(*turns)
    responses = draw(st.lists(st.tuples(st.integers(0, 14), st.sampled_from(NAMES), st.floats(0, 1)), max_size=5))
    return utterances + [
        Utterance(turn, name, 0.4, kind="backchannel", at=at)
        for turn, name, at in responses
        if turn < len(turns) and turns[turn][0] != name
    ]


@st.composite
def timings(draw: st.DrawFn) -> Timing:
    share = st.floats(0, 1)
    return Timing(
        overlap_share=draw(share),
        max_overlap=draw(share),
        interruptions=draw(share),
        silence=draw(st.one_of(st.none(), st.floats(0, 0.6))),
        overlapped=draw(st.one_of(st.none(), st.floats(0, 0.4))),
        lead_in=draw(st.floats(0, 1)),
    )


@settings(max_examples=150, deadline=None)
@given(spoken(), timings(), st.integers(0, 2**40))
def test_what_always_holds(utterances: list[Utterance], timing: Timing, seed: int) -> None:
    line = lay_out(utterances, timing, seed)
    turns = sorted((one for one in line.placed if one.kind == "turn"), key=lambda one: one.utterance)
    assert len(turns) + len([one for one in line.placed if one.kind == "backchannel"]) + len(line.dropped) == len(
        utterances
    )
    assert [one.turn for one in turns] == sorted(one.turn for one in turns)
    for one in line.placed:
        whole = utterances[one.utterance].duration
        assert one.start >= timing.lead_in - 1e-9
        assert one.duration == pytest.approx(whole if one.cut is None else one.cut)
        assert one.cut is None or 0 < one.cut < whole
    for before, after in pairwise(turns):
        assert after.start >= before.start
        if before.cut is None:
            shorter = min(utterances[one.utterance].duration for one in (before, after))
            assert before.end - after.start <= timing.max_overlap * shorter + 1e-9
    for name in NAMES:
        own = [one for one in line.placed if one.speaker == name]
        assert all(a.end <= b.start + 1e-9 for a, b in pairwise(own)), name
    assert line.duration == pytest.approx(max((one.end for one in line.placed), default=timing.lead_in) + timing.tail)
    assert lay_out(utterances, timing, seed) == line
    json.dumps(line.json())


@settings(max_examples=100, deadline=None)
@given(spoken(), timings(), st.integers(0, 2**40))
def test_backchannels_stay_inside_the_turn_they_listen_to(
    utterances: list[Utterance], timing: Timing, seed: int
) -> None:
    line = lay_out(utterances, timing, seed)
    turns = {one.turn: one for one in line.placed if one.kind == "turn"}
    for one in line.placed:
        if one.kind == "backchannel":
            host = turns[one.turn]
            assert host.start < one.start and one.end <= host.end
            others = [other.start for other in turns.values() if other is not host and other.start > host.start]
            assert not any(one.start <= start <= one.end for start in others)


def test_the_first_words_come_after_the_lead_in_and_the_tail_is_last() -> None:
    line = lay_out(conversation(("Ann", 2.0), ("Bob", 1.0)), Timing(gap=Fixed(0.25), overlap_share=0.0, lead_in=1.0))
    assert [(one.start, one.end) for one in line.placed] == [(1.0, 3.0), (3.25, 4.25)]
    assert line.duration == 4.75


@pytest.mark.parametrize("utterances", [[], conversation(("Ann", 3.0)), conversation(("Ann", 0.0), ("Bob", 0.0))])
@pytest.mark.parametrize("timing", Timing.names())
def test_next_to_nothing_is_a_timeline_too(utterances: list[Utterance], timing: str) -> None:
    line = lay_out(utterances, timing, 1)
    assert len(line.placed) == len(utterances)
    assert "silence ratio" in line.statistics.table()


def test_a_turn_that_changes_moves_no_draw_of_the_others() -> None:
    changed = [*LONG]
    changed[7] = Utterance(7, LONG[7].speaker, 9.5)
    timing = Timing(interruptions=0.2)
    plain, other = lay_out(LONG, timing, 4), lay_out(changed, timing, 4)
    assert [one.asked for one in plain.transitions] == [one.asked for one in other.transitions]
    shorter = lay_out(LONG[:12], timing, 4)
    assert [one.asked for one in shorter.transitions] == [one.asked for one in plain.transitions][:11]


def test_back_channels_move_no_turn() -> None:
    told = [*LONG, Utterance(3, "Bob", 0.4, kind="backchannel", at=0.5)]
    with_it, without = lay_out(told, "natural", 4), lay_out(LONG, "natural", 4)
    assert [one for one in with_it.placed if one.kind == "turn"] == list(without.placed)


def test_the_same_seed_gives_the_same_in_another_process() -> None:
    code = (
        "from sdialog.audio.timeline import *; import json;"
        "said = [Utterance(n, 'AB'[n % 2], 2.0 + n % 3) for n in range(12)];"
        "print(json.dumps(lay_out(said, 'meeting', 11).json(), sort_keys=True))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": salt}
        ).stdout
        for salt in ("1", "2")
    }
    said = [Utterance(n, "AB"[n % 2], 2.0 + n % 3) for n in range(12)]
    assert seen == {json.dumps(lay_out(said, "meeting", 11).json(), sort_keys=True) + "\n"}


def test_windows_keep_the_timing_of_the_engine() -> None:
    said = [
        Utterance(0, "Ann", 2.0, window=0),
        Utterance(1, "Bob", 1.0, window=0, offset=1.8),
        Utterance(2, "Ann", 1.0, window=0, offset=3.1),
        Utterance(3, "Bob", 2.0, window=1, offset=0.5),
        Utterance(4, "Ann", 2.0, window=1, offset=2.7),
    ]
    for seed in range(20):
        line = lay_out(said, "natural", seed)
        starts = [one.start for one in sorted(line.placed, key=lambda one: one.turn)]
        assert [starts[1] - starts[0], starts[2] - starts[0]] == pytest.approx([1.8, 3.1])
        assert starts[4] - starts[3] == pytest.approx(2.2)
        assert [one.kind for one in line.transitions if one.asked is None] == ["window"] * 3
        assert line.transitions[0].got == pytest.approx(-0.2)


@settings(max_examples=100, deadline=None)
@given(spoken(), st.lists(st.tuples(st.integers(0, 3), st.floats(0, 20)), min_size=20, max_size=20), timings())
def test_whatever_an_engine_says_nobody_speaks_twice_at_once(
    utterances: list[Utterance], told: list[tuple[int, float]], timing: Timing
) -> None:
    windowed = [
        replace(one, window=window, offset=offset) if one.kind == "turn" else one
        for one, (window, offset) in zip(utterances, told, strict=False)
    ]
    line = lay_out(windowed, timing, 1)
    turns = sorted((one for one in line.placed if one.kind == "turn"), key=lambda one: one.utterance)
    assert all(before.start <= after.start for before, after in pairwise(turns))
    for name in NAMES:
        own = [one for one in line.placed if one.speaker == name and one.end > one.start]
        assert all(a.end <= b.start + 1e-9 for a, b in pairwise(own)), name


def test_an_interruption_cuts_the_turn_before_it() -> None:
    words = tuple(Word(f"w{n}", 0.1 * n, 0.1 * n + 0.09, (Phoneme("w", 0.1 * n, 0.1 * n + 0.09),)) for n in range(30))
    said = [Utterance(turn, "AB"[turn % 2], 3.0, words) for turn in range(40)]
    line = lay_out(said, Timing(interruptions=1.0), 2)
    turns = sorted(line.placed, key=lambda one: one.turn)
    assert [one.kind for one in line.transitions] == ["interruption"] * 39
    for victim, cutter in pairwise(turns):
        assert victim.cut is not None and 1.5 <= victim.cut <= 2.9 and victim.fade == 0.02
        assert 0.02 <= victim.end - cutter.start <= 0.0801
        heard = victim.heard(words)
        assert 0 < len(heard) < 30
        assert heard[0].start == victim.start and heard[-1].end <= victim.end + 1e-9
        assert all(word.phonemes[-1].end <= victim.end + 1e-9 for word in heard)
    assert turns[-1].cut is None and turns[-1].heard(words)[-1].text == "w29"
    assert line.statistics.interruptions == 39
    partial = [one.heard(words)[-1].text for one in turns[:-1]]
    assert any(text.endswith("-") for text in partial), "some cut falls into a word"


def test_interruptions_are_as_many_as_asked_for() -> None:
    said = conversation(*(("AB"[turn % 2], 3.0) for turn in range(1001)))
    line = lay_out(said, Timing(interruptions=0.2), 5)
    assert 160 <= line.statistics.interruptions <= 240


def test_a_short_turn_and_ones_own_turn_are_not_interrupted() -> None:
    said = conversation(("A", 0.5), ("B", 0.5), ("B", 5.0), ("B", 5.0))
    assert lay_out(said, Timing(interruptions=1.0), 1).statistics.interruptions == 0


@pytest.mark.parametrize("engine", ["tone", "espeak"])
def test_a_response_comes_after_the_words_that_were_spoken(engine: str) -> None:
    text = "When I came home, the door was open, and nobody had told me about it before."
    clip = engines.get(engine)().speak(text, None, seed=1)
    said = Utterance(0, "Ann", clip.duration, clip.words)
    letters = "".join(text.split())
    clause = said.time_after(len("WhenIcamehome,thedoorwasopen,") / len(letters))
    assert clause == next(word.end for word in clip.words if word.text == "open,")
    response = Utterance(0, "Bob", 0.3, kind="backchannel", at=len("WhenIcamehome,thedoorwasopen,") / len(letters))
    placed = next(one for one in lay_out([said, response], "natural", 1).placed if one.kind == "backchannel")
    assert 0.05 <= placed.start - 0.3 - clause <= 0.35


def test_a_response_without_room_is_dropped_and_says_why() -> None:
    said = [*conversation(("Ann", 2.0), ("Bob", 2.0)), Utterance(0, "Bob", 1.95, kind="backchannel", at=0.5)]
    line = lay_out([*said, Utterance(9, "Bob", 0.2, kind="backchannel")], "natural", 1)
    assert [(one.utterance, one.why.split(",")[0]) for one in line.dropped] == [
        (2, "no room before the next turn begins"),
        (3, "turn 9 is not there"),
    ]


def test_given_gaps_are_kept_and_bounded() -> None:
    said = conversation(("Ann", 4.0), ("Bob", 2.0), ("Bob", 2.0), ("Ann", 2.0), ("Bob", 1.0))
    line = lay_out(said, Timing(max_overlap=0.5, max_gap=3.0), gaps=[-9.0, -1.0, 0.7, 99.0])
    assert [one.got for one in line.transitions] == pytest.approx([-1.0, 0.0, 0.7, 3.0])
    assert [one.asked for one in line.transitions] == [-9.0, -1.0, 0.7, 99.0]
    assert line.statistics.bounded == 3


def test_a_callable_tells_the_gaps() -> None:
    def tell(texts, durations):
        assert durations == [1.0, 2.0, 3.0]
        return [0.9 if text.endswith("?") else 0.1 for text in texts[:-1]]

    gaps = ask_gaps(tell, ["Why?", "So.", "Oh."], [1.0, 2.0, 3.0])
    line = lay_out(conversation(("A", 1.0), ("B", 2.0), ("A", 3.0)), gaps=gaps)
    assert [one.got for one in line.transitions] == pytest.approx([0.9, 0.1])
    assert ask_gaps(tell, ["Alone."], [1.0]) == []


@pytest.mark.parametrize(
    "answer", [[0.1], [0.1, 0.2, 0.3], ["0.1", 0.2], [float("nan"), 0.2], "0.1 0.2", None, [True, 0.1]]
)
def test_an_answer_that_is_no_list_of_gaps_is_refused(answer: object) -> None:
    with pytest.raises(UserError, match="gap"):
        ask_gaps(lambda texts, durations: answer, ["a", "b", "c"], [1.0, 1.0, 1.0])  # type: ignore[arg-type, return-value]


def test_gaps_and_a_target_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="target"):
        lay_out(conversation(("A", 1.0), ("B", 1.0)), "meeting", gaps=[0.1])


@pytest.mark.parametrize("wrong", [{"duration": -1.0}, {"duration": float("nan")}, {"kind": "laugh"}, {"offset": -0.1}])
def test_an_utterance_that_cannot_be_is_refused(wrong: dict) -> None:
    with pytest.raises(UserError, match="turn 3"):
        Utterance(**({"turn": 3, "speaker": "Ann", "duration": 1.0} | wrong))


def test_statistics_are_what_a_hand_counts() -> None:
    placed = [
        Placed(0, "Ann", 0, 1.0, 5.0),
        Placed(0, "Bob", 3, 2.0, 2.5, "backchannel"),
        Placed(1, "Bob", 1, 4.6, 7.0),
        Placed(2, "Bob", 2, 8.0, 10.0),
        Placed(3, "Ann", 4, 10.5, 11.0),
    ]
    found = measure(placed)
    assert (found.length, found.speech, found.overlap) == pytest.approx((10.0, 8.5, 0.9))
    assert (found.silence_ratio, found.overlap_ratio) == pytest.approx((0.15, 0.9 / 8.5))
    assert found.speech_of == pytest.approx({"Ann": 4.5, "Bob": 4.9})
    assert [*found.overlaps, *found.pauses, *found.gaps, *found.insides] == pytest.approx([0.4, 1.0, 0.5, 0.5])
    assert (found.turns_per_minute, found.backchannels_per_minute) == pytest.approx((24.0, 15.0))
    assert found.offsets == pytest.approx((0.5, -0.4)) and found.overlap_share == 0.5


def test_the_table_sets_what_was_asked_for_beside_what_came() -> None:
    line: Timeline = lay_out(LONG, "meeting", 3)
    row = next(row for row in line.statistics.table().splitlines() if row.startswith("overlap ratio"))
    assert row.split() == ["overlap", "ratio", "0.190", "0.190"]
    assert json.loads(json.dumps(line.json()))["statistics"]["targets"]["silence"]["reached"] is True
