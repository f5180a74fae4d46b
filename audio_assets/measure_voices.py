"""Measure the built-in voices again and write the numbers into voices.yaml: python audio_assets/measure_voices.py."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import yaml

from sdialog.audio.tts.espeak import EspeakTTS
from sdialog.audio.voices.pitch import median_pitch

FILE = Path(__file__).with_name("voices.yaml")
FOUR = ("woman-35a", "woman-35b", "man-35a", "man-35b")


def spoken(person: dict[str, Any], code: str, text: str) -> tuple[float, float]:
    """Return the median pitch in Hz and the words a minute of a person saying a text."""
    voice = {name: person[name] for name in ("variant", "pitch", "range", "rate")}
    clip = EspeakTTS().speak(text, {"language": code, **voice})
    pitch = median_pitch(clip.samples, clip.rate)
    if pitch is None:
        raise SystemExit(f"{person['name']} in {code}: nothing is voiced")
    return pitch, len(text.split()) / clip.duration * 60


def main() -> None:
    """Rewrite f0, wpm and pitch_ratio in place; all else in the file stays."""
    text = FILE.read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    pitches = {}
    for person in data["people"]:
        pitch, pace = spoken(person, "en-US", data["measured_with"])
        pitches[person["name"]] = pitch
        line = re.compile(rf"(\{{name: {person['name']},.*f0: )[\d.]+(, wpm: )[\d.]+")
        text = line.sub(rf"\g<1>{pitch:.1f}\g<2>{pace:.1f}", text)
    people = {person["name"]: person for person in data["people"]}
    for one in data["languages"]:
        ratios = [spoken(people[name], one["code"], one["sample"])[0] / pitches[name] for name in FOUR]
        line = re.compile(rf"(code: {re.escape(one['code'])},.*pitch_ratio: )[\d.]+")
        text = line.sub(rf"\g<1>{statistics.mean(ratios):.2f}", text)
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
