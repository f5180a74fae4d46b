"""A dialog of a doctor and a patient, and a room for it."""

from __future__ import annotations

from sdialog import Dialog, Turn
from sdialog.audio.room import Room

PERSONAS = {
    "Dr. Smith": {"gender": "female", "age": 52, "language": "english"},
    "Mr. Jones": {"gender": "male", "age": 30, "language": "english"},
}


def visit(*texts, speakers=("Dr. Smith", "Mr. Jones"), **more):
    texts = texts or ("Good morning. What brings you in today?", "I have a bad cough.", "Let me listen.")
    turns = [Turn(speaker=speakers[number % len(speakers)], text=text) for number, text in enumerate(texts)]
    more.setdefault("personas", {name: dict(PERSONAS[name]) for name in speakers if name in PERSONAS})
    return Dialog(turns=turns, id="visit", **more)


def fixed_room(**more):
    return Room(dimensions=(5, 4, 3), rt60=0.3, name="office", **more)
