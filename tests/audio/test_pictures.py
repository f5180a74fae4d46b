"""Pictures of recordings: what they show, that they hold what people wrote, and that the page works in a browser."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import warnings
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy", reason="needs pip install 'sdialog[audio]'")
soundfile = pytest.importorskip("soundfile", reason="needs pip install 'sdialog[audio]'")
pytest.importorskip("matplotlib", reason="needs pip install 'sdialog[plots]'")

from hypothesis import given, settings  # noqa: E402  # after what it needs
from hypothesis import strategies as st  # noqa: E402

from sdialog import Dialog, Turn  # noqa: E402
from sdialog.audio import DialogAudio, Segment, Timing, to_audio  # noqa: E402
from sdialog.audio.pictures import audio_html, draw_audio  # noqa: E402
from sdialog.audio.pictures.curves import spectrogram, swing  # noqa: E402
from sdialog.audio.pictures.embedded import picture  # noqa: E402
from sdialog.audio.pictures.view import overlapping  # noqa: E402
from sdialog.core.errors import UserError  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
NASTY = 'Say </script><b>"1 & 2"</b> @@TURNS@@ \\ $x^2 {$ 漢 🙂'


def recording(segments, seconds=2.0, channels=1, names=("Ann", "Bob"), rate=16000):
    draw = numpy.random.Generator(numpy.random.PCG64(1))
    samples = 0.1 * draw.standard_normal((round(seconds * rate), channels)).astype(numpy.float32)
    from sdialog.audio.labels import Labels

    labels = Labels(segments, [], rate, seconds, channels, tuple(names))
    return DialogAudio(samples[:, 0] if channels == 1 else samples, rate, segments, names, labels=labels)


TALK = [
    Segment(0, "Ann", "Oh, hello there.", 0.2, 1.0, words=[("Oh,", 0.2), ("hello", 0.4), ("there.", 0.7)]),
    Segment(1, "Bob", "Hi, Ann.", 0.9, 1.5, interrupted=True),
    Segment(1, "Ann", "Mhm.", 1.2, 1.4, kind="backchannel"),
    Segment(2, "Ann", NASTY, 1.5, 1.9),
]


class Page(HTMLParser):
    """Checks that elements close in order, and keeps tags with their attributes and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data if not self.open or self.open[-1] not in ("style", "script") else ""


def classed(page, name):
    return [attrs for _, attrs in page.tags if name in (attrs.get("class") or "").split()]


def pixels(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return numpy.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def share_of(image, colour):
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return (numpy.abs(image - wanted).max(axis=2) < 12).mean()


def said_in(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_turns_have_the_colour_of_their_speaker_and_the_words_when_zoomed():
    result = recording(TALK)
    image = pixels(draw_audio(result))
    assert share_of(image, "#0072b2") > 0.02 and share_of(image, "#d55e00") > 0.01
    words = said_in(draw_audio(result))
    assert any(text.startswith("0: Oh") for text in words) and {"hello", "there."} <= set(words)
    assert "hello" not in said_in(draw_audio(result, words=False))
    notes = " ".join(text.get_text() for text in draw_audio(result).texts)
    assert "back-channel" in notes and "cut short" in notes and "at once" in notes
    assert " ".join(text.get_text() for text in draw_audio(recording(TALK[:1])).texts) == "0:02.0, 16 kHz"


def test_a_stretch_of_the_recording():
    figure = draw_audio(recording(TALK), start=1.3, end=1.45, spectrogram=False)
    lanes, wave = figure.axes
    assert lanes.get_xlim() == wave.get_xlim() == (1.3, 1.45)
    assert not any("Oh" in text for text in said_in(figure))
    with pytest.raises(UserError, match=r"2\.00 s"):
        draw_audio(recording(TALK), start=2)


def test_one_row_a_channel_and_the_axis_in_hertz():
    segments = [Segment(0, "Ann", "Hi.", 0.2, 0.8, channel=0), Segment(1, "Bob", "Hi.", 1.0, 1.5, channel=1)]
    figure = draw_audio(recording(segments, channels=2))
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["", "channel 0", "Hz", "dB", "channel 1", "Hz", "dB"]
    assert figure.axes[2].get_ylim() == (0, 8000)
    assert len(draw_audio(recording(segments, channels=7), spectrogram=False).axes) == 1 + 4


def test_signs_that_the_font_lacks_and_formulas_do_no_harm():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for names in (("Ann", "Bob"), (NASTY, "$\\frac{")):
            segments = [Segment(0, names[0], NASTY, 0.1, 1.9), Segment(1, names[1], "$ a $", 0.5, 0.6)]
            pixels(draw_audio(recording(segments, names=names)))


@pytest.mark.parametrize("frequency", [440, 3000, 7000])
def test_the_spectrogram_shows_a_tone_where_it_is(frequency):
    time = numpy.arange(16000) / 16000
    tone = 0.5 * numpy.sin(2 * numpy.pi * frequency * time) * (time > 0.5)
    found = spectrogram(tone, 16000, 500, 200)
    assert found.loudest_db == pytest.approx(-6.02, abs=0.2)  # half of full scale
    row, column = numpy.unravel_index(found.level_db.argmax(), found.level_db.shape)
    assert (row + 0.5) * 8000 / found.level_db.shape[0] == pytest.approx(frequency, abs=60) and column > 245
    assert found.level_db[:, :200].max() < -150


def test_a_spectrogram_of_hours_is_no_larger():
    draw = numpy.random.Generator(numpy.random.PCG64(1))
    quiet = 0.01 * draw.standard_normal(16000 * 300).astype(numpy.float32)
    found = spectrogram(quiet, 16000, 200, 100)
    assert found.level_db.shape == (100, 200) and found.level_db.std() < 3


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.integers(1, 80))
def test_the_swing_holds_every_sample(values, columns):
    low, high = swing(numpy.array(values), columns)
    assert len(low) == min(columns, len(values)) and low.min() == min(values) and high.max() == max(values)
    assert (low <= high).all()


heard = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 40), st.integers(1, 12)), max_size=8)


@given(heard)
def test_overlaps_are_where_two_speakers_are_heard(spans):
    spans = [(who, start, start + length) for who, start, length in spans]
    found = overlapping(spans)
    for tick in range(60):
        several = len({who for who, start, end in spans if start <= tick + 0.5 < end}) > 1
        assert several == any(low <= tick + 0.5 < high for low, high in found)


def test_the_piece_of_html_is_sound_and_needs_nothing_else():
    text = audio_html(recording(TALK))
    page = Page(text)
    addresses = [attrs[name] for _, attrs in page.tags for name in ("src", "href") if name in attrs]
    assert len(addresses) == 2 and all(address.startswith("data:") for address in addresses)
    assert "http" not in text and "@import" not in text and "url(" not in text
    assert [tag for tag, _ in page.tags].count("script") == 1 and text == audio_html(recording(TALK))


def test_what_people_wrote_is_shown_and_not_obeyed():
    names = (NASTY, "'\"><img onerror=alert(1)>")
    segments = [Segment(0, names[0], NASTY, 0.1, 0.9), Segment(1, names[1], NASTY, 0.5, 0.6)]
    page = Page(audio_html(recording(segments, names=names)))
    assert page.text.count(NASTY) == 2 + 2 + 2  # names of a lane and in the list; bars; the list
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)


def test_the_list_tells_the_turns_and_what_is_special_about_them():
    page = Page(audio_html(recording(TALK)))
    turns = [attrs for tag, attrs in page.tags if tag == "button"]
    assert [float(one["data-at"]) for one in turns] == [0.2, 0.9, 1.2, 1.5]
    assert [one["tabindex"] for one in turns] == ["0", "-1", "-1", "-1"]
    assert page.text.count("cut short") == 1 and page.text.count("Mhm. back-channel") == 1
    assert len(classed(page, "bar")) == 4 and len(classed(page, "aside")) == len(classed(page, "cut")) == 1
    assert classed(page, "bar")[0]["style"] == "left:10.000%;width:40.000%"


def test_the_player_holds_the_samples():
    result = recording(TALK)
    page = Page(audio_html(result))
    source = next(attrs["src"] for tag, attrs in page.tags if tag == "audio")
    assert source.startswith("data:audio/wav;base64,")
    samples, rate = soundfile.read(BytesIO(base64.b64decode(source.partition(",")[2])), dtype="float32")
    assert rate == 16000 and numpy.abs(samples - result.audio).max() < 1 / 30000


def test_a_long_recording_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr("sdialog.audio.pictures.embedded.MOST_SECONDS", 30.0)
    late = Segment(3, "Bob", "Bye.", 35.0, 36.0)
    text = audio_html(recording([*TALK, late], seconds=40.0, channels=6, rate=8000))
    page = Page(text)
    assert "first 0.5 of 0.7 minutes" in page.text and "compressed" in page.text
    assert "channels 0 and 1 of 6" in page.text and "2 more are left out" in page.text
    source = next(attrs["src"] for tag, attrs in page.tags if tag == "audio")
    about = soundfile.info(BytesIO(base64.b64decode(source.partition(",")[2])))
    assert about.format == "OGG" and about.duration == pytest.approx(30, abs=0.01) and about.channels == 2


def test_many_turns_are_cut_and_say_so(monkeypatch):
    monkeypatch.setattr("sdialog.audio.pictures.snippet.MOST_TURNS", 3)
    page = Page(audio_html(recording(TALK)))
    assert "first 3 of 4 turns" in page.text and [tag for tag, _ in page.tags].count("button") == 3


def test_nothing_said_and_nothing_at_all():
    assert "<audio" in audio_html(recording([], names=()))
    assert "empty" in audio_html(DialogAudio(numpy.zeros(0, dtype=numpy.float32), 16000, [], []))
    pixels(draw_audio(recording([], names=())))
    silent = DialogAudio(numpy.zeros(800, dtype=numpy.float32), 16000, [], [])
    Page(audio_html(silent))


def test_a_picture_can_be_read_by_another_library():
    images = pytest.importorskip("PIL.Image")
    numbers = numpy.arange(6).reshape(2, 3)
    content = base64.b64decode(picture(numbers, [(10 * one, 0, 255) for one in range(6)]).partition(",")[2])
    image = images.open(BytesIO(content)).convert("RGB")
    assert image.size == (3, 2) and image.getpixel((0, 1)) == (30, 0, 255)


def test_a_rendered_dialog_shows_itself():
    turns = [("Ann", "Hello, what can I do for you today?"), ("Bob", "My kettle has not arrived, and I am sad.")] * 3
    dialog = Dialog(turns=[Turn(speaker=who, text=text) for who, text in turns])
    result = to_audio(dialog, tts="tone", seed=7, timing=Timing(overlap_share=1.0, interruptions=0.5))
    page = Page(result._repr_html_())
    assert len(classed(page, "bar")) == len(result.segments) >= 6
    assert "seed 7" in page.text and classed(page, "over")
    assert result.plot().axes[1].get_ylabel() == "amplitude"


def shown(path: Path, folder: Path, width: int, *more: str) -> str:
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'browser'}"]
    command += ["--autoplay-policy=no-user-gesture-required", f"--window-size={width},900", *more]
    return subprocess.run(
        [*command, "--virtual-time-budget=4000", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "HOME": str(folder)},
        check=True,
    ).stdout


PROBE = """<script>
addEventListener("load", async () => {
  const root = document.querySelector(".sdialog-audio"), audio = root.querySelector("audio");
  const turns = [...root.querySelectorAll("button")], time = root.querySelector(".time");
  await new Promise(done => audio.readyState ? done() : audio.addEventListener("loadedmetadata", done));
  const seen = {duration: audio.duration, wide: root.scrollWidth <= root.clientWidth};
  turns[2].click(); seen.clicked = audio.currentTime;
  turns[0].focus();
  turns[0].dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
  seen.focus = turns.indexOf(document.activeElement);
  document.activeElement.click(); seen.entered = audio.currentTime;
  seen.current = turns.map(turn => turn.hasAttribute("aria-current"));
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "End", bubbles: true}));
  seen.end = turns.indexOf(document.activeElement);
  const track = root.querySelector(".axis").getBoundingClientRect();
  const lane = root.querySelector(".lane").getBoundingClientRect(), middle = track.left + track.width / 2;
  time.dispatchEvent(new MouseEvent("click", {clientX: middle, clientY: lane.top, bubbles: true}));
  seen.middle = audio.currentTime;
  audio.pause();
  const head = root.querySelector(".head").getBoundingClientRect();
  seen.head = (head.left + 1 - track.left) / track.width;
  seen.aligned = lane.left === track.left && lane.width === track.width;
  seen.ink = getComputedStyle(root).color;
  seen.disabled = turns.filter(turn => turn.disabled).length;
  document.body.textContent = JSON.stringify(seen);
});
</script>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.parametrize(("width", "theme"), [(1280, "true"), (520, "false")])
def test_it_plays_from_a_turn_by_mouse_and_by_keyboard(width, theme, tmp_path: Path):
    """In a real browser; the theme is told as a notebook does it."""
    page = "<!doctype html><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    body = f"<body data-jp-theme-light='{theme}'>{audio_html(recording(TALK))}{PROBE}</body>"
    (tmp_path / "page.html").write_text(page + body, encoding="utf-8")
    found = re.search(r"\{.*\}", shown(tmp_path / "page.html", tmp_path, width))
    assert found, "the script did not reach its end"
    seen = json.loads(found[0])
    assert seen["duration"] == pytest.approx(2, abs=0.01) and seen["wide"] and seen["aligned"]
    assert seen["clicked"] == pytest.approx(1.2, abs=0.1) and seen["entered"] == pytest.approx(0.9, abs=0.1)
    assert seen["focus"] == 1 and seen["end"] == 3 and seen["disabled"] == 0
    assert seen["current"] == [True, True, False, False]  # both speak there
    assert seen["middle"] == pytest.approx(1, abs=0.1) and seen["head"] == pytest.approx(0.5, abs=0.05)
    assert seen["ink"] == ("rgb(27, 31, 36)" if theme == "true" else "rgb(230, 233, 238)")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1.9), st.floats(0, 0.1), st.text(max_size=9)), max_size=5))
def test_any_segments_can_be_drawn(spans):
    segments = [Segment(n, "AB"[n % 2], text, at, at + long) for n, (at, long, text) in enumerate(spans)]
    result = recording(segments, seconds=2.0, names=("A", "B"), rate=8000)
    draw_audio(result, spectrogram=False)
    Page(audio_html(result))
