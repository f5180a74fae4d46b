"""Timing fitted to RTTM files gives back the gaps, pauses and overlaps it was fitted to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from sdialog.audio.timeline import Span, Timing, Transfers, Utterance, distance, joined, lay_out, transfers
from sdialog.core.errors import ConfigError, DialogFormatError, UnknownNameError, UserError

LINE = "SPEAKER {} 1 {:.3f} {:.3f} <NA> <NA> {} <NA> <NA>"


def recorded(seed: int, files: int = 20) -> tuple[list[str], Transfers]:
    """Return RTTM files of made-up conversations, and the times they were made of."""
    draw = numpy.random.Generator(numpy.random.PCG64(seed))
    truth, texts = Transfers(), []
    for number in range(files):
        lines, now, who = [], 0.5, 0
        length = 0.0
        for turn in range(120):
            before, length = length, float(draw.uniform(1.5, 6.0))
            if turn:
                same = draw.random() < 0.3
                if same:
                    truth.pauses.append(float(draw.gamma(2.0, 0.3)))
                    now += truth.pauses[-1]
                elif draw.random() < 0.35:
                    truth.overlaps.append(float(min(draw.exponential(0.35), 0.3 * min(before, length))))
                    now -= truth.overlaps[-1]
                else:
                    # Two humps: quick answers and slow ones.
                    truth.gaps.append(float(draw.normal(0.25, 0.06) if draw.random() < 0.7 else draw.normal(1.2, 0.2)))
                    truth.gaps[-1] = max(truth.gaps[-1], 0.0)
                    now += truth.gaps[-1]
                who = who if same else 1 - who
            lines.append(LINE.format(f"rec{number}", now, length, f"spk{who}"))
            if draw.random() < 0.2:
                lines.append(LINE.format(f"rec{number}", now + length / 2, 0.3, f"spk{1 - who}"))
            now += length
        texts.append(";; made up\n\nSPKR-INFO rec 1 <NA> <NA> <NA> unknown spk0 <NA> <NA>\n" + "\n".join(lines) + "\n")
    return texts, truth


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Transfers]:
    folder = tmp_path_factory.mktemp("rttm")
    texts, truth = recorded(3)
    for number, text in enumerate(texts):
        (folder / f"rec{number}.rttm").write_text(text)
    return folder, truth


def test_two_hundred_conversations_have_the_gaps_of_the_corpus(corpus: tuple[Path, Transfers]) -> None:
    folder, truth = corpus
    timing = Timing.fit(folder)
    draw = numpy.random.Generator(numpy.random.PCG64(9))
    found = Transfers()
    for number in range(200):
        who, said = 0, []
        for turn in range(int(draw.integers(6, 31))):
            who = who if draw.random() < 0.3 else 1 - who
            said.append(Utterance(turn, f"S{who}", float(draw.uniform(1.5, 6.0))))
        one = lay_out(said, timing, number).statistics
        found.add(Transfers(list(one.gaps), list(one.pauses), list(one.overlaps)))
    for kind in ("gaps", "pauses", "overlaps", "offsets"):
        assert distance(getattr(found, kind), getattr(truth, kind)) <= 0.03, kind
    assert found.overlap_share == pytest.approx(truth.overlap_share, abs=0.03)


def test_the_fit_tells_what_it_is_made_of(corpus: tuple[Path, Transfers]) -> None:
    folder, truth = corpus
    timing = Timing.fit(folder)
    assert timing.source["recordings"] == 20 and len(timing.source["files"]) == 20
    counts = timing.source["counts"]
    assert counts["gaps"] == len(truth.gaps) and counts["overlaps"] == len(truth.overlaps)
    assert (timing.source["smoothing"], timing.source["width"], timing.source["kept_natural"]) == (0.02, 0.02, [])
    # 0.2 back-channels a turn, where turns of 4 to 6 s last 5 s on average.
    assert timing.backchannels == pytest.approx(0.2 * 60 / 5, rel=0.15)


def test_a_fit_is_kept_as_a_file(corpus: tuple[Path, Transfers], tmp_path: Path) -> None:
    timing = Timing.fit(corpus[0] / "rec0.rttm")
    timing.save(tmp_path / "call.json")
    assert Timing.from_data(tmp_path / "call.json") == timing
    assert Timing.from_data(str(tmp_path / "call.json")) == Timing.from_data(f"fit:{corpus[0] / 'rec0.rttm'}") == timing
    assert Timing.from_data({"like": str(tmp_path / "call.json"), "tail": 2.0}).gap == timing.gap
    said = [Utterance(turn, "AB"[turn % 2], 2.0) for turn in range(9)]
    assert lay_out(said, str(tmp_path / "call.json"), 1) == lay_out(said, timing, 1)


def test_smoothing_spreads_and_its_absence_keeps_the_times(tmp_path: Path) -> None:
    path = tmp_path / "even.rttm"
    path.write_text("\n".join(LINE.format("x", 1.31 * turn, 1.0, "AB"[turn % 2]) for turn in range(20)))
    bare = Timing.fit(path, smoothing=0, width=0.01).gap
    assert bare.quantile(0.0) == pytest.approx(0.31, abs=0.011) == bare.quantile(1.0)
    smooth = Timing.fit(path, smoothing=0.05, width=0.01).gap
    # A Gaussian kernel of 50 ms: 16 % and 84 % lie one deviation away.
    assert [smooth.quantile(q) for q in (0.1587, 0.5, 0.8413)] == pytest.approx([0.26, 0.31, 0.36], abs=0.003)


def test_kinds_that_are_too_rare_stay_natural_and_are_named(tmp_path: Path) -> None:
    path = tmp_path / "few.rttm"
    path.write_text("\n".join(LINE.format("x", 1.5 * turn, 1.0, "AB"[turn % 2]) for turn in range(20)))
    timing = Timing.fit(path)
    assert timing.source["kept_natural"] == ["pause", "overlap"] and timing.pause == Timing().pause
    assert timing.overlap_share == 0.0


def test_a_monologue_has_no_timing_to_fit(tmp_path: Path) -> None:
    path = tmp_path / "alone.rttm"
    path.write_text(LINE.format("x", 0.0, 1.0, "A"))
    with pytest.raises(UserError, match="two speakers"):
        Timing.fit(path)
    (tmp_path / "empty").mkdir()
    for nothing in ([], tmp_path / "empty"):
        with pytest.raises(UserError, match="no RTTM files"):
            Timing.fit(nothing)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("SPEAKER x 1 0.0 1.0 <NA> <NA> A", "ten fields"),
        ("SPEAKER x 1 zero 1.0 <NA> <NA> A <NA> <NA>", "onset"),
        ("SPEAKER x 1 0.0 -1.0 <NA> <NA> A <NA> <NA>", "duration"),
        ("SPEAKER x 1 nan 1.0 <NA> <NA> A <NA> <NA>", "onset"),
        ("WEBVTT", "no type"),
    ],
)
def test_a_line_that_is_not_rttm_is_named(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.rttm"
    path.write_text(f"{LINE.format('x', 0, 1, 'A')}\n\n{line}\n")
    with pytest.raises(DialogFormatError, match=said) as caught:
        Timing.fit(path)
    assert caught.value.line == 3 and caught.value.file == str(path)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent"):
        Timing.fit(tmp_path / "absent.rttm")
    (tmp_path / "raw.rttm").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DialogFormatError, match="UTF-8"):
        Timing.fit(tmp_path / "raw.rttm")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match="not JSON"):
        Timing.from_data(tmp_path / "broken.json")


def test_transfers_are_what_a_hand_counts() -> None:
    spans = [
        Span("A", 0.0, 4.0),
        Span("B", 1.0, 1.5),  # inside
        Span("A", 4.5, 6.0),  # pause 0.5
        Span("C", 5.7, 9.0),  # overlap 0.3
        Span("A", 9.2, 10.0),  # gap 0.2
        Span("B", 9.9, 9.9),  # nothing
    ]
    found = transfers(spans)
    assert found.insides == [0.5] and found.pauses == [0.5]
    assert [*found.overlaps, *found.gaps] == pytest.approx([0.3, 0.2])
    assert transfers([]) == Transfers() and Transfers().overlap_share is None
    assert joined([Span("A", 0, 5), Span("A", 1, 2), Span("A", 5, 6)]) == [Span("A", 0, 6)]


@pytest.mark.parametrize("name", Timing.names())
def test_named_timings_go_through_json(name: str) -> None:
    timing = Timing.from_data(name)
    assert timing.name == name
    assert Timing.from_data(json.loads(json.dumps(timing.json()))) == timing


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ("naturel", UnknownNameError, "natural"),
        ({"silense": 0.1}, ConfigError, "silence"),
        ({"silence": 1.0}, ConfigError, "below 1"),
        ({"overlapped": 1.5}, ConfigError, "overlapped"),
        ({"overlap_share": True}, ConfigError, "overlap_share"),
        ({"gap": "quick"}, ConfigError, "gap"),
        ({"gap": (0.7, 0.2)}, ConfigError, "lower limit first"),
        ({"gap": {"law": "gamma"}}, UnknownNameError, "log-normal"),
        ({"gap": {"law": "fixed", "second": 1}}, ConfigError, "seconds"),
        ({"yielding": 0.1}, ConfigError, "yielding"),
        ({"backchannel_words": "Mm."}, ConfigError, "list"),
        (7, ConfigError, "mapping"),
    ],
)
def test_what_is_no_timing_is_refused_with_the_cure(data: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Timing.from_data(data)
