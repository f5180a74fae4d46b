"""Sounds at words of a dialog: tags such as ``[door]`` or ``[door|room-top_left]`` become sounds at a time.

A tag is heard when the word before it has been said, or at the beginning of the turn. Its place is ``human``, where the
speaker is, a point of the room such as ``room-top_left``, or a piece of furniture.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.legacy.models import Model, asked
from sdialog.audio.legacy.sounds import SoundLibrary
from sdialog.audio.rooms.choices import RoomPosition
from sdialog.core.errors import UserError
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from sdialog.audio.dialog import AudioDialog
    from sdialog.audio.turn import AudioTurn

HUMAN = "human"

_TAG = re.compile(r"\[([^\[\]|]+)(?:\|([^\[\]|]+))?\]")

PROMPT = """Below are the turns of a conversation as a JSON list of texts. Put sounds that would be heard in the
background into the texts, few and only where they fit: write [sound] or [sound|place] right after the word at which the
sound begins. Change no word.

Sounds: {sounds}
Places: {places}

{texts}

Answer with the JSON list of the texts and nothing else."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A sound in a text.

    Attributes:
        name: of the sound.
        position: where it is heard.
        after: how many words come before it.
    """

    name: str
    position: str
    after: int


def tags_in(text: str) -> list[Tag]:
    """Return the tags of a text.

    Example:
        >>> tags_in("Come in [door|room-top_left] please.")
        [Tag(name='door', position='room-top_left', after=2)]
    """
    found = []
    for match in _TAG.finditer(text):
        before = without_tags(text[: match.start()]).split()
        found.append(Tag(match[1].strip(), (match[2] or HUMAN).strip(), len(before)))
    return found


def without_tags(text: str) -> str:
    """Return a text without its tags.

    Example:
        >>> without_tags("Come in [door], please.")
        'Come in, please.'
    """
    kept = re.sub(r"\s+([,.;:!?])", r"\1", _TAG.sub("", text)) if _TAG.search(text) else text
    return " ".join(kept.split()) if kept != text else text


def annotate(
    dialog: AudioDialog,
    *,
    llm: Model | None = None,
    sounds: SoundLibrary | None = None,
    skip_annotation: bool = False,
    dropout: float = 0.0,
    positions: Iterable[str] = (),
    seed: int = 0,
) -> None:
    """Fill ``text_with_tags`` and ``sound_effects`` of each turn that has sound.

    Args:
        dialog: is changed.
        llm: writes the tags: from a prompt to a reply.
        sounds: that there are.
        skip_annotation: take the tags that the texts have.
        dropout: chance that a tag is left out; each has a number of its own.
        positions: places beside ``human`` and the points of the room.
        seed: of the dropout.

    Raises:
        UserError: if there is neither a model nor ``skip_annotation``, or the dropout is no chance.
    """
    if not 0 <= dropout <= 1:
        raise UserError(f"the dropout of sound effects is a chance from 0 to 1, not {dropout!r}")
    library = sounds or SoundLibrary()
    places = [HUMAN, *RoomPosition, *positions]
    if skip_annotation:
        tagged = [turn.text for turn in dialog.turns]
    elif llm is not None:
        tagged = _written(dialog, llm, library, places)
    else:
        raise UserError(
            "sound effects are written by a model: give llm=, a callable from a prompt to a reply, or write tags such "
            "as [keyboard] into the texts yourself and pass skip_annotation=True"
        )
    unknown: set[str] = set()
    for number, (turn, text) in enumerate(zip(dialog.turns, tagged, strict=True)):
        turn.text_with_tags, turn.sound_effects = text, []
        for place, tag in enumerate(tags_in(text)):
            if not _is_known(tag, library, places, dialog):
                unknown.add(f"[{tag.name}|{tag.position}]" if tag.position != HUMAN else f"[{tag.name}]")
            elif rng(seed, "effects", number, place).random() >= dropout:
                turn.sound_effects.append(_event(turn, tag))
    if unknown:
        warnings.warn(
            f"left out, since there is no such sound or place: {', '.join(sorted(unknown))}; sounds are "
            f"{', '.join(library.names())}",
            stacklevel=3,
        )
    dialog.rendering["sound_effects"] = {"seed": seed, "dropout": dropout, "left_out": sorted(unknown)}


def _is_known(tag: Tag, library: SoundLibrary, places: Sequence[str], dialog: AudioDialog) -> bool:
    place = tag.position
    for role in dialog.speakers_names:
        place = place.removeprefix(f"{role}_")
    return tag.name in library.names() and (place in places or place in dialog.speakers_names)


def _event(turn: AudioTurn, tag: Tag) -> dict[str, Any]:
    words = turn.word_times()
    start = words[min(tag.after, len(words)) - 1].end if tag.after and words else 0.0
    return {"tag": tag.name, "position": tag.position, "start_time": round(start, 6), "duration": -1.0}


def _written(dialog: AudioDialog, llm: Model, library: SoundLibrary, places: Sequence[str]) -> list[str]:
    """Return the texts with the tags that a model wrote; a text in which it changed a word stays as it was."""
    texts = [without_tags(turn.text) for turn in dialog.turns]
    prompt = PROMPT.format(
        sounds=", ".join(library.names()),
        places=", ".join(map(str, places)),
        texts=json.dumps(texts, ensure_ascii=False, indent=1),
    )
    reply = asked(llm, prompt)
    first, last = reply.find("["), reply.rfind("]")
    try:
        written = json.loads(reply[first : last + 1])
    except ValueError:
        written = None
    if not isinstance(written, list) or len(written) != len(texts):
        warnings.warn(
            f"no sound effects: the model did not reply with {len(texts)} texts: {reply[:80]!r}", stacklevel=4
        )
        return texts
    return [
        new if isinstance(new, str) and without_tags(new).split() == old.split() else old
        for old, new in zip(texts, written, strict=True)
    ]
