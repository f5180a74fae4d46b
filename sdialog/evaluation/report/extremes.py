"""Which dialogs have the lowest and the highest values, and what was said in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.comparison.result import Comparison, Name

_AT_EACH_END = 2
_MOST_TURNS = 60
_MOST_DIALOGS = 80


@dataclass(frozen=True)
class Extreme:
    """A dialog at one end of a metric.

    Attributes:
        end: ``lowest`` or ``highest``.
        dataset: name of its set.
        place: its place in the set.
        dialog_id: its id.
        value: its value.
        reason: what the score said of it.
    """

    end: str
    dataset: Name
    place: int
    dialog_id: str | int | None
    value: float
    reason: str | None


@dataclass
class Transcript:
    """What was said in a dialog: speakers and texts, and how many turns are left out at the end."""

    anchor: str
    dataset: Name
    dialog_id: str | int | None
    turns: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0


def extremes(comparison: Comparison) -> dict[str, list[Extreme]]:
    """Return the dialogs at both ends of each mean, by column; none where all values are the same."""
    found = {}
    for name, column in comparison.columns.items():
        if not column.mean:
            continue
        chosen: list[Extreme] = []
        for dataset in comparison.about.datasets:
            sample = comparison.samples(name, dataset)
            values = sorted(sample.by_dialog().items(), key=lambda entry: (entry[1], entry[0]))
            if not values or values[0][1] == values[-1][1]:
                continue
            count = min(_AT_EACH_END, len(values) // 2)
            ends = [("lowest", pair) for pair in values[:count]] + [
                ("highest", pair) for pair in values[: -count - 1 : -1]
            ]
            for end, (place, value) in ends:
                item = sample.result.items[place]
                chosen.append(Extreme(end, dataset, place, item.dialog_id, value, item.reason))
        if chosen:
            found[name] = chosen
    return found


def transcripts(comparison: Comparison, chosen: dict[str, list[Extreme]]) -> dict[tuple[Name, int], Transcript]:
    """Return what was said in the chosen dialogs, by set and place; each set is read once."""
    found: dict[tuple[Name, int], Transcript] = {}
    wanted = dict.fromkeys((one.dataset, one.place) for entries in chosen.values() for one in entries)
    kept = list(wanted)[:_MOST_DIALOGS]
    for dataset in comparison.about.datasets:
        places = {place for name, place in kept if name == dataset}
        for place, dialog in _at(comparison, dataset, places):
            turns = [(turn.speaker or "", turn.text) for turn in dialog]
            own = Transcript(f"dialog-{len(found) + 1}", dataset, dialog.id, turns[:_MOST_TURNS])
            own.more = len(turns) - len(own.turns)
            found[dataset, place] = own
    return found


def _at(comparison: Comparison, dataset: Name, places: set[int]) -> Iterator[tuple[int, Dialog]]:
    left = set(places)
    for place, dialog in enumerate(comparison.about.datasets[dataset]) if left else ():
        if place in left:
            left.discard(place)
            yield place, dialog
        if not left:
            return


def shown_id(value: Any) -> str:
    """Return an id as text, shortened where it is long."""
    text = str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"
