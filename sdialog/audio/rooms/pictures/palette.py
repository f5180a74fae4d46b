"""The colours of pictures of rooms; the same person has the same colour in each."""

from __future__ import annotations

from sdialog.audio.rooms.choices import RGBAColor

PAPER, FLOOR, INK, QUIET, FAINT = "#faf8f4", "#ffffff", "#2b2f36", "#6d7480", "#c9ccd2"
WALL, OWN_WALL, MICROPHONE = "#3c424c", "#7fa6c4", "#14181f"

# Okabe and Ito's colours, told apart also by people who see colours otherwise (Color Universal Design, 2008).
_PEOPLE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b", "#5b4b9a")

_THINGS = {
    RGBAColor.RED: "#e3a59c",
    RGBAColor.GREEN: "#b5d3b0",
    RGBAColor.BLUE: "#b4cbe4",
    RGBAColor.YELLOW: "#f0e0a0",
    RGBAColor.BLACK: "#9298a2",
    RGBAColor.WHITE: "#f3f3f3",
    RGBAColor.GRAY: "#d3d6db",
    RGBAColor.BROWN: "#dcc3a5",
    RGBAColor.ORANGE: "#f0c899",
    RGBAColor.PURPLE: "#cdb9dc",
    RGBAColor.PINK: "#f2cdd5",
}


def person(number: int) -> str:
    """Return the colour of the speaker of this number in the room.

    Example:
        >>> person(0) == person(8)
        True
    """
    return _PEOPLE[number % len(_PEOPLE)]


def thing(color: RGBAColor) -> str:
    """Return a soft shade of a colour of furniture."""
    return _THINGS[color]
