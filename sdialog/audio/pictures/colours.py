"""The colours of pictures of sound; a person has the same one as in the picture of the room."""

from __future__ import annotations

from sdialog.audio.rooms.pictures.palette import FAINT, INK, PAPER, QUIET, person

__all__ = ["FAINT", "INK", "OVERLAP", "PAPER", "QUIET", "heat", "ink_on", "lighter", "person"]

OVERLAP = "#c0182f"

# From silence to the loudest: each step is lighter than the one before, so that it reads in grey, too.
_HEAT = ((12, 12, 28), (45, 26, 92), (122, 34, 110), (199, 62, 76), (240, 135, 45), (250, 205, 90), (255, 250, 215))


def heat(count: int) -> list[tuple[int, int, int]]:
    """Return so many colours (red, green, blue; 0 to 255) from silence to the loudest.

    Example:
        >>> heat(7)[0], len(heat(64))
        ((12, 12, 28), 64)
    """
    found = []
    for number in range(count):
        place = number / max(1, count - 1) * (len(_HEAT) - 1)
        step = min(int(place), len(_HEAT) - 2)
        pairs = zip(_HEAT[step], _HEAT[step + 1], strict=True)
        red, green, blue = (round(low + (place - step) * (high - low)) for low, high in pairs)
        found.append((red, green, blue))
    return found


def ink_on(colour: str) -> str:
    """Return black or white, whichever can be read better on a colour (contrast of WCAG 2.1, W3C, 2018).

    Example:
        >>> ink_on("#0072b2"), ink_on("#e69f00")
        ('#ffffff', '#000000')
    """
    shares = [value / 255 for value in _parts(colour)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 else "#000000"


def lighter(colour: str, share: float = 0.35) -> str:
    """Return a colour mixed with white, for dark backgrounds.

    Example:
        >>> lighter("#000000", 0.5)
        '#808080'
    """
    return "#" + "".join(f"{round(value + (255 - value) * share):02x}" for value in _parts(colour))


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
