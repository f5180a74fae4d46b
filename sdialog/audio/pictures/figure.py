"""The picture of a recording: a lane for each speaker, and of each channel its waveform and spectrogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.pictures import colours
from sdialog.audio.pictures.curves import RANGE_DB, spectrogram, swing, voices_at
from sdialog.audio.pictures.view import WORDS_FIT, View, clock, view
from sdialog.audio.segments import BACKCHANNEL
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.result import DialogAudio
    from sdialog.audio.segments import Segment

_WIDTH, _LEFT, _RIGHT = 10.0, 1.15, 0.85  # inches: all, and left and right of what is drawn over time
_LANE, _WORDS, _WAVE, _SPECTRUM = 0.26, 0.3, 0.95, 1.25
_HEAD, _FOOT, _SPACE = 0.42, 0.48, 0.1
_COLUMNS = 1600
_IMAGE = 800, 125  # pixels of a spectrogram at 100 dots an inch
_COLOURS = 30  # steps of 2 dB, so that files stay small
_MINUTES_FROM = 180.0
_NARROW = 0.04  # inches; a bar that is narrower has neither edge nor hatching
_WHY = "draw sound"


def draw_audio(
    result: DialogAudio,
    spectrogram: bool = True,
    *,
    words: bool | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> Any:
    """Return a figure of who speaks when, the waveform and the spectrogram.

    Each speaker has a lane with the numbers and texts of the turns. A back-channel is hatched, a turn that was cut
    short ends in a jagged line, and where people speak at once there is a red band. In the waveform, two voices at
    once share its upper and lower half. Of many channels the first four are drawn.

    Args:
        result: the recording.
        spectrogram: also draw how strong each frequency is, in dB; 0 dB is a sine of full scale.
        words: also write the words where they are said; None does so if there is room, up to 8 s.
        start, end: show only this stretch, in seconds.

    Returns:
        A ``matplotlib.figure.Figure``; ``.savefig(path)`` writes it.

    Raises:
        UserError: if the stretch is empty.
        MissingDependencyError: if matplotlib is not installed.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.audio import to_audio
        >>> heard = to_audio(Dialog(turns=[Turn(speaker="Ann", text="Hello!")]), tts="tone", seed=7)
        >>> [axes.get_ylabel() for axes in draw_audio(heard).axes]
        ['', 'amplitude', 'Hz', 'dB']
    """
    shown = view(result, start, end)
    wanted = shown.duration <= WORDS_FIT if words is None else words
    return _Drawing(shown, spectrogram, wanted and any(one.words for _, one in shown.segments)).figure


@dataclass(frozen=True, slots=True)
class _Place:
    """Where on the figure an axes goes, in inches from the top."""

    top: float
    height: float


class _Drawing:
    """A figure being drawn."""

    def __init__(self, shown: View, with_spectrogram: bool, with_words: bool) -> None:
        self.shown, self.with_words = shown, with_words
        matplotlib = need("matplotlib", extra="plots", why=_WHY)
        figures = need("matplotlib.figure", extra="plots", why=_WHY)
        lane = _LANE + (_WORDS if with_words else 0)
        row = _WAVE + (_SPECTRUM + _SPACE if with_spectrogram else 0) + _SPACE
        lanes = _Place(_HEAD, lane * max(1, len(shown.speakers)))
        begin = lanes.top + lanes.height + _SPACE
        self.height = begin + row * len(shown.channels) - _SPACE + _FOOT
        with matplotlib.rc_context(matplotlib.rcParamsDefault):
            self.figure = figures.Figure(figsize=(_WIDTH, self.height), dpi=100, facecolor="white")
            self._lanes(self._axes(lanes))
            for number in range(len(shown.channels)):
                top = begin + row * number
                axes = self._axes(_Place(top, _WAVE))
                self._wave(axes, number)
                if with_spectrogram:
                    axes.tick_params(bottom=False, labelbottom=False)
                    axes = self._axes(_Place(top + _WAVE + _SPACE, _SPECTRUM))
                    self._spectrogram(axes, number)
                if number + 1 < len(shown.channels):
                    axes.tick_params(bottom=False, labelbottom=False)
            self._time(axes)
            self._head()

    def _axes(self, place: _Place, left: float = _LEFT, width: float = _WIDTH - _LEFT - _RIGHT) -> Any:
        bottom = self.height - place.top - place.height
        box = (left / _WIDTH, bottom / self.height, width / _WIDTH, place.height / self.height)
        axes = self.figure.add_axes(box)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlim(self.shown.start, self.shown.end)
        return axes

    def _time(self, axes: Any) -> None:
        axes.set_xlabel("seconds" if self.shown.end <= _MINUTES_FROM else "minutes", fontsize=9)
        if self.shown.end > _MINUTES_FROM:
            ticks = need("matplotlib.ticker", extra="plots", why=_WHY)
            axes.xaxis.set_major_locator(ticks.MaxNLocator(nbins=10, steps=[1, 1.5, 3, 6, 10]))
            axes.xaxis.set_major_formatter(lambda at, _: clock(at).removesuffix(".0"))

    def _head(self) -> None:
        shown = self.shown
        whole = shown.duration == shown.whole
        said = clock(shown.whole) if whole else f"{clock(shown.start)} to {clock(shown.end)} of {clock(shown.whole)}"
        parts = [said, f"{shown.rate / 1000:g} kHz"]
        if shown.left_out:
            parts.append(f"{len(shown.channels)} of {len(shown.channels) + shown.left_out} channels")
        notes = [
            ("hatched: back-channel", colours.QUIET, any(one.kind == BACKCHANNEL for _, one in shown.segments)),
            ("jagged: cut short", colours.QUIET, any(one.interrupted for _, one in shown.segments)),
            ("red: at once", colours.OVERLAP, bool(shown.overlaps)),
        ]
        y = 1 - 0.24 / self.height
        self.figure.text(_LEFT / _WIDTH, y, ", ".join(parts), fontsize=9, color=colours.INK)
        x = 1 - _RIGHT / _WIDTH
        for words, colour, there in reversed(notes):
            if there:
                self.figure.text(x, y, words, fontsize=8, color=colour, ha="right")
                x -= _points(words, 8) / 72 / _WIDTH + 0.02

    def _lanes(self, axes: Any) -> None:
        axes.set_ylim(max(1, len(self.shown.speakers)) - 0.5, -0.5)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0, labelbottom=False)
        names = [_fitting(name, 8, _LEFT - 0.12) for name in self.shown.speakers]
        axes.set_yticks(range(len(names)), names, parse_math=False)
        for number, label in enumerate(axes.get_yticklabels()):
            label.set_color(colours.person(number))
        for number in range(len(names)):
            axes.axhline(number, color=colours.FAINT, linewidth=0.6, zorder=0)
        for low, high in self.shown.overlaps:
            axes.axvspan(low, high, color=colours.OVERLAP, alpha=0.16, linewidth=0, zorder=0.5)
        for number, segment in self.shown.segments:
            self._bar(axes, number, segment)
            if self.with_words:
                self._words(axes, number, segment)

    def _bar(self, axes: Any, number: int, segment: Segment) -> None:
        shown, colour = self.shown, colours.person(number)
        start, end = max(segment.start, shown.start), min(segment.end, shown.end)
        top, bottom = number - 0.4, number + (-0.05 if self.with_words else 0.4)
        aside = segment.kind == BACKCHANNEL
        edge = [(end, top), (end, bottom)]
        if segment.interrupted and segment.end <= shown.end:
            tooth = 0.004 * shown.duration
            edge = [(end - tooth * (step % 2), top + (bottom - top) * step / 6) for step in range(7)]
        narrow = self._inches(end - start) < _NARROW
        patches = need("matplotlib.patches", extra="plots", why=_WHY)
        axes.add_patch(
            patches.Polygon(
                [(start, top), *edge, (start, bottom)],
                closed=True,
                facecolor=(colours.lighter(colour) if narrow else "white") if aside else colour,
                edgecolor=colour,
                hatch="/////" if aside and not narrow else None,
                linewidth=0.8 if aside and not narrow else 0,
                zorder=2,
            )
        )
        room = self._inches(end - start) - 0.08
        words = "" if aside else _fitting(f"{segment.turn}: {segment.text}", 7, room, least=len(str(segment.turn)) + 6)
        words = words or ("" if aside else _fitting(str(segment.turn), 7, room, least=len(str(segment.turn))))
        if words:
            axes.text(
                start + 0.04 / self._inches(1),
                (top + bottom) / 2,
                words,
                parse_math=False,  # a dollar sign would begin a formula
                fontsize=7,
                color=colours.ink_on(colour),
                va="center_baseline",
                clip_on=True,
                zorder=3,
            )

    def _words(self, axes: Any, number: int, segment: Segment) -> None:
        # In two lines by turns, so that each word has the room of the next one, too.
        starts = [word.start for word in segment.words] + [segment.end + 0.1]
        for place, word in enumerate(segment.words):
            if not self.shown.start <= word.start < self.shown.end:
                continue
            y = number + (0.1, 0.31)[place % 2]
            axes.plot([word.start] * 2, [number - 0.02, y + 0.08], color=colours.FAINT, linewidth=0.6, zorder=1)
            end = max(word.end, starts[min(place + 2, len(starts) - 1)])
            said = _fitting(word.text, 6.5, self._inches(end - word.start) - 0.03, least=1)
            if said:
                axes.text(
                    word.start + 0.02 / self._inches(1),
                    y,
                    said,
                    parse_math=False,
                    fontsize=6.5,
                    color=colours.INK,
                    va="center_baseline",
                    clip_on=True,
                    zorder=3,
                )

    def _wave(self, axes: Any, channel: int) -> None:
        numpy = need("numpy", extra="audio", why=_WHY)
        shown = self.shown
        low, high = swing(shown.channels[channel], _COLUMNS)
        times = shown.start + (numpy.arange(len(low)) + 0.5) * shown.duration / len(low)
        first, last = voices_at(shown.of(channel), shown.start, shown.end, len(low))
        low, high = numpy.minimum(low, 0), numpy.maximum(high, 0)
        # Two voices at once share the wave: the upper half is of the first, the lower of the last.
        for number in range(-1, len(shown.speakers)):
            colour = colours.QUIET if number < 0 else colours.person(number)
            axes.fill_between(
                times,
                numpy.where(last == number, low, 0),
                numpy.where(first == number, high, 0),
                step="mid",
                color=colour,
                linewidth=0,
            )
        for start, end in shown.overlaps:
            axes.axvspan(start, end, color=colours.OVERLAP, alpha=0.14, linewidth=0, zorder=0)
        top = max(0.05, float(numpy.abs([low.min(), high.max()]).max())) * 1.08
        axes.set_ylim(-top, top)
        axes.set_ylabel(f"channel {channel}" if len(shown.channels) > 1 else "amplitude", fontsize=8)

    def _spectrogram(self, axes: Any, channel: int) -> None:
        tables = need("matplotlib.colors", extra="plots", why=_WHY)
        shown = self.shown
        found = spectrogram(shown.channels[channel], shown.rate, *_IMAGE)
        image = axes.imshow(
            found.level_db,
            origin="lower",
            aspect="auto",
            extent=(shown.start, shown.end, 0, found.top_hz),
            cmap=tables.ListedColormap([[part / 255 for part in one] for one in colours.heat(_COLOURS)]),
            vmin=found.loudest_db - RANGE_DB,
            vmax=found.loudest_db,
            interpolation="nearest",
        )
        axes.set_xlim(shown.start, shown.end)
        axes.set_ylabel("Hz", fontsize=8)
        box = axes.get_position()
        beside = self.figure.add_axes((1 - (_RIGHT - 0.12) / _WIDTH, box.y0, 0.12 / _WIDTH, box.height))
        self.figure.colorbar(image, cax=beside).set_label("dB", fontsize=8)
        beside.tick_params(labelsize=8)

    def _inches(self, seconds: float) -> float:
        return seconds / self.shown.duration * (_WIDTH - _LEFT - _RIGHT)


def _fitting(text: str, size: float, inches: float, least: int = 3) -> str:
    """Return as much of a text as fits, with dots where it goes on; nothing if fewer than ``least`` letters fit."""
    text = _printable(" ".join(text.split()))
    points = max(0.0, inches * 72)
    if _points(text[: int(points)], size) <= points and len(text) <= points:  # no letter is narrower than a point
        return text
    low, high = 0, min(len(text), int(points))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _points(f"{text[:middle]}…", size) <= points else (low, middle - 1)
    return f"{text[:low].rstrip()}…" if low >= max(1, least) else ""


def _points(text: str, size: float) -> float:
    """Return how wide a text is."""
    font = _font()
    font.set_size(size, 72)
    font.set_text(text)
    return float(font.get_width_height()[0]) / 64


def _printable(text: str) -> str:
    """Return a text with a box in place of each sign that the font lacks."""
    signs = _font().get_charmap()
    return "".join(sign if ord(sign) in signs else "▯" for sign in text)


def _font() -> Any:
    fonts = need("matplotlib.font_manager", extra="plots", why=_WHY)
    return fonts.get_font(fonts.findfont(fonts.FontProperties(family="DejaVu Sans")))
