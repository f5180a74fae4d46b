"""A piece of a page to listen to a recording and to see it; it needs no other file and no network."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

from sdialog.audio.pictures import colours
from sdialog.audio.pictures.curves import RANGE_DB, spectrogram, swing, voices_at
from sdialog.audio.pictures.embedded import Player, picture, player
from sdialog.audio.pictures.view import View, clock, marks, view
from sdialog.audio.segments import BACKCHANNEL
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.result import DialogAudio
    from sdialog.audio.segments import Segment

MOST_TURNS = 1000
_TEMPLATE = Path(__file__).with_name("snippet.html")
_COLUMNS, _ROWS, _LEVELS = 900, 96, 30
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_WHY = "draw sound"


def audio_html(result: DialogAudio) -> str:
    """Return a piece of HTML with a player, a picture over time, and the turns: a click plays from there.

    It fits into a notebook or a page, light or dark, wide or narrow, and works by keyboard: arrows choose a turn,
    Enter plays it. Of a long recording the player holds the first ten minutes, and says so.

    Args:
        result: the recording.

    Raises:
        MissingDependencyError: if soundfile is not installed.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.audio import to_audio
        >>> piece = audio_html(to_audio(Dialog(turns=[Turn(speaker="Ann", text="Is 1 < 2?")]), tts="tone", seed=7))
        >>> "Is 1 &lt; 2?" in piece, "<audio controls" in piece, "http" in piece
        (True, True, False)
    """
    if not result.duration:
        return "<p>This recording is empty.</p>"
    shown, sound = view(result), player(result.audio, result.sample_rate)
    parts = {
        "COLOURS": _colours(len(shown.speakers)),
        "DURATION": f"{shown.duration:.4f}",
        "HELD": f"{sound.seconds:.4f}",
        "SOURCE": sound.source,
        "FACTS": html.escape(_facts(result)),
        "NOTES": "".join(f"<p class='note'>{html.escape(note)}</p>" for note in _notes(shown, sound)),
        "ABOUT": html.escape(f"Who speaks when in {shown.duration:.1f} seconds; the list below says the same"),
        "LANES": "".join(_lane(shown, number) for number in range(len(shown.speakers))),
        "CHANNELS": "".join(_channel(shown, number) for number in range(len(shown.channels))),
        "AXIS": _axis(shown.duration),
        "SCALE": ", ".join(f"rgb{colour}" for colour in colours.heat(7)),
        "RANGE": f"{RANGE_DB:g}",
        "TURNS": "".join(_turn(number, one, number_of == 0) for number_of, (number, one) in _listed(shown)),
    }
    # Split rather than replaced one by one: a text of the dialog may hold such a mark.
    pieces = _TEMPLATE.read_text(encoding="utf-8").split("@@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _listed(shown: View) -> list[tuple[int, tuple[int, Segment]]]:
    return list(enumerate(shown.segments[:MOST_TURNS]))


def _facts(result: DialogAudio) -> str:
    channels = "1 channel" if result.channels == 1 else f"{result.channels} channels"
    parts = [clock(result.duration), channels, f"{result.sample_rate / 1000:g} kHz"]
    if "seed" in result.config:
        parts.append(f"seed {result.config['seed']}")
    return " · ".join(parts)


def _notes(shown: View, sound: Player) -> list[str]:
    notes = list(sound.notes)
    if shown.left_out:
        notes.append(f"The picture shows the first {len(shown.channels)} channels; {shown.left_out} more are left out.")
    if len(shown.segments) > MOST_TURNS:
        notes.append(f"The list holds the first {MOST_TURNS} of {len(shown.segments)} turns.")
    return notes


def _colours(count: int) -> str:
    """Return a style for each speaker: his colour by day and by night, and ink that can be read on each."""
    found = []
    for number in range(count):
        day = colours.person(number)
        night = colours.lighter(day)
        inks = f"--day-ink:{colours.ink_on(day)};--night-ink:{colours.ink_on(night)}"
        found.append(f".sdialog-audio .who{number}{{--day:{day};--night:{night};{inks}}}")
    return "".join(found)


def _lane(shown: View, number: int) -> str:
    bars = "".join(_bar(shown, one) for who, one in shown.segments if who == number)
    overlaps = "".join(
        f"<i class='over' style='left:{_percent(low, shown)};width:{_percent(high - low, shown)}'></i>"
        for low, high in shown.overlaps
    )
    name = html.escape(shown.speakers[number])
    return (
        f"<div class='name who{number}' title='{name}'>{name}</div><div class='lane who{number}'>{overlaps}{bars}</div>"
    )


def _bar(shown: View, one: Segment) -> str:
    kinds = ["bar"] + ["aside"] * (one.kind == BACKCHANNEL) + ["cut"] * one.interrupted
    said = html.escape(", ".join([f"{one.turn}: {one.text}", *marks(one)]))
    words = "" if one.kind == BACKCHANNEL else html.escape(one.text)
    place = f"left:{_percent(one.start, shown)};width:{_percent(one.duration, shown)}"
    return f"<span class='{' '.join(kinds)}' style='{place}' title='{said}'>{words}</span>"


def _percent(seconds: float, shown: View) -> str:
    return f"{100 * seconds / shown.duration:.3f}%"


def _channel(shown: View, channel: int) -> str:
    name = f"channel {channel}" if len(shown.channels) > 1 else "sound"
    wave = f"<div class='name'>{name}</div><div class='wave'>{_wave(shown, channel)}</div>"
    found = spectrogram(shown.channels[channel], shown.rate, _COLUMNS, _ROWS)
    numpy = need("numpy", extra="audio", why=_WHY)
    share = 1 + (found.level_db - found.loudest_db) / RANGE_DB
    image = picture(numpy.round(numpy.clip(share, 0, 1) * (_LEVELS - 1))[::-1], colours.heat(_LEVELS))
    step = 1000 if found.top_hz <= 4000 else 2000 if found.top_hz <= 8000 else 5000
    ticks = "".join(
        f"<b style='bottom:{100 * hertz / found.top_hz:.2f}%'>{hertz // 1000} kHz</b>"
        for hertz in range(step, int(found.top_hz), step)
    )
    about = "spectrogram: how strong each frequency is"
    return f"{wave}<div class='name'>frequency</div><div class='heat'><img alt='{about}' src='{image}'>{ticks}</div>"


def _wave(shown: View, channel: int) -> str:
    numpy = need("numpy", extra="audio", why=_WHY)
    low, high = swing(shown.channels[channel], _COLUMNS)
    first, last = voices_at(shown.of(channel), shown.start, shown.end, len(low))
    scale = 49 / max(0.05, float(numpy.abs([low.min(), high.max()]).max()))
    top = numpy.round(50 - numpy.maximum(high, 0) * scale - 0.2, 1)
    bottom = numpy.round(50 - numpy.minimum(low, 0) * scale + 0.2, 1)
    paths = []
    for number in range(-1, len(shown.speakers)):
        steps = "".join(
            f"M{place}.5 {top[place] if first[place] == number else 50:g}"
            f"V{bottom[place] if last[place] == number else 50:g}"
            for place in numpy.flatnonzero((first == number) | (last == number))
        )
        if steps:
            paths.append(f"<path class='{'quiet' if number < 0 else f'who{number}'}' d='{steps}'/>")
    over = "".join(
        f"<rect class='over' x='{low / shown.duration * len(top):.1f}' y='0' height='100' "
        f"width='{max(0.5, (high - low) / shown.duration * len(top)):.1f}'/>"
        for low, high in shown.overlaps
    )
    return (
        f"<svg viewBox='0 0 {len(top)} 100' preserveAspectRatio='none' aria-hidden='true'>{over}{''.join(paths)}</svg>"
    )


def _axis(duration: float) -> str:
    step = next((one for one in _STEPS if duration / one <= 10), duration)
    ticks = []
    for number in range(int(duration / step) + 1):
        seconds = number * step
        if seconds < 0.97 * duration or not number:
            said = f"{seconds:g}" if duration < 60 else clock(seconds).removesuffix(".0")
            ticks.append(f"<b style='left:{100 * seconds / duration:.3f}%'>{said}</b>")
    return "".join(ticks)


def _turn(number: int, one: Segment, first: bool) -> str:
    said = "".join(f" <em>{mark}</em>" for mark in marks(one))
    return (
        f"<li><button type='button' class='who{number}' data-at='{one.start:.4f}' data-end='{one.end:.4f}'"
        f" tabindex='{0 if first else -1}'><time>{clock(one.start)}</time>"
        f"<strong>{html.escape(one.speaker)}</strong><span>{html.escape(one.text)}{said}</span></button></li>"
    )
