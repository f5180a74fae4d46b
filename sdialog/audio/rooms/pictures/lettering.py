"""Where labels go on a plan, so that they cover neither each other nor what they name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]


@dataclass
class Lettering:
    """Chooses places for labels, one after another; all in pixels, y downwards.

    Attributes:
        width: of the picture.
        height: of the picture.
        taken: boxes (left, top, right, bottom) that labels keep off.
    """

    width: float
    height: float
    taken: list[Box] = field(default_factory=list)

    def keep_off(self, x: float, y: float, radius: float) -> None:
        """Reserve a disc."""
        self.taken.append((x - radius, y - radius, x + radius, y + radius))

    def is_free(self, box: Box) -> bool:
        """Tell whether a box covers nothing."""
        return not any(_shared(box, other) for other in self.taken)

    def place(self, text: str, size: float, spots: Iterable[tuple[float, float]]) -> tuple[float, float]:
        """Return the middle of a label: the spot, of those given, where it covers least; it is reserved.

        Args:
            text: of the label.
            size: height of its letters in pixels.
            spots: middles to choose from, the best first.

        Example:
            >>> plan = Lettering(100, 100, [(0, 0, 60, 60)])
            >>> plan.place("mic", 10, [(30, 30), (80, 80)])
            (80, 80)
        """
        wide, high = text_size(text, size)
        best: tuple[float, tuple[float, float], Box] | None = None
        for rank, (x, y) in enumerate(spots):
            box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            cost = sum(_shared(box, other) for other in self.taken) + 5 * self._outside(box) + rank * 0.02 * wide * high
            if best is None or cost < best[0]:
                best = cost, (x, y), box
        assert best is not None, "a label needs at least one spot"
        self.taken.append(best[2])
        return best[1]

    def _outside(self, box: Box) -> float:
        inside = _shared(box, (0, 0, self.width, self.height))
        return (box[2] - box[0]) * (box[3] - box[1]) - inside


def text_size(text: str, size: float) -> tuple[float, float]:
    """Return about how wide and high a text is whose letters are so many pixels high.

    Example:
        >>> text_size("four", 10)
        (22.8, 13.0)
    """
    lines = text.split("\n")
    widest = max(sum(1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.57 for sign in line) for line in lines)
    return round(widest * size, 3), 1.3 * size * len(lines)


def around(x: float, y: float, reach: float, wide: float, first: tuple[float, float]) -> list[tuple[float, float]]:
    """Return middles for a label around a point, beginning in a direction.

    Args:
        x: of the point, in pixels.
        y: of the point, in pixels.
        reach: pixels that the nearest edge of the label is away.
        wide: half the width of the label in pixels.
        first: the direction that suits best.
    """
    ways: Sequence[tuple[float, float]] = (
        (0, -1), (0, 1), (1, 0), (-1, 0), (0.8, -0.8), (-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8),
    )  # fmt: skip
    ordered = sorted(ways, key=lambda way: -(way[0] * first[0] + way[1] * first[1]))
    near = [(x + dx * (reach + (wide if abs(dx) > 0.5 else 0)), y + dy * reach) for dx, dy in ordered]
    far = [(x + dx * (2 * reach + (wide if abs(dx) > 0.5 else 0)), y + dy * 2 * reach) for dx, dy in ordered]
    return near + far


def _shared(one: Box, other: Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)
