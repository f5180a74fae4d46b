"""What can be done to the words of a dialog: string methods on every turn, speakers, slices, lengths."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from sdialog.core.errors import UserError
from sdialog.core.turns import Event, Turn, owners

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

LENGTH_MODES = ("words", "turns", "minutes", "time")


class TextMethods:
    """The text methods of ``Dialog``.

    Methods with ``in_place`` change the dialog and return it, as published; with ``in_place=False`` they leave it alone
    and return a changed clone. Events keep what was said when they happened.
    """

    if TYPE_CHECKING:
        turns: list[Turn] | None
        events: list[Event] | None
        personas: dict[str, Any] | None
        models: dict[str, dict[str, Any]] | None

        def clone(self, new_id: int | str | None = None) -> Self: ...  # noqa: D102

    def lower(self, in_place: bool = True) -> Self:
        """Make every turn lower case.

        Example:
            >>> from sdialog import Dialog, Turn
            >>> print(Dialog(turns=[Turn(speaker="A", text="HI")]).lower())
            A: hi
        """
        return self._edit(str.lower, in_place)

    def upper(self, in_place: bool = True) -> Self:
        """Make every turn upper case."""
        return self._edit(str.upper, in_place)

    def title(self, in_place: bool = True) -> Self:
        """Make every word of every turn start with a capital."""
        return self._edit(str.title, in_place)

    def capitalize(self, in_place: bool = True) -> Self:
        """Make every turn start with a capital and go on in lower case."""
        return self._edit(str.capitalize, in_place)

    def strip(self, chars: str | None = None, in_place: bool = True) -> Self:
        """Cut whitespace, or the characters ``chars``, off both ends of every turn."""
        return self._edit(lambda text: text.strip(chars), in_place)

    def replace(self, old: str, new: str, count: int = -1, in_place: bool = True) -> Self:
        """Put ``new`` for ``old`` in every turn, at most ``count`` times a turn; a negative count is no limit."""
        return self._edit(lambda text: text.replace(old, new, count), in_place)

    def re_sub(
        self,
        pattern: str | re.Pattern[str],
        repl: str | Callable[[re.Match[str]], str],
        count: int = 0,
        flags: int = 0,
        in_place: bool = True,
    ) -> Self:
        """Put ``repl`` for what a regular expression matches in every turn.

        Args:
            pattern: a pattern, or a compiled one, whose own flags then hold.
            repl: replacement, as for ``re.sub``.
            count: most replacements a turn; 0 is no limit.
            flags: flags of ``re``.
            in_place: change this dialog rather than a clone.

        Example:
            >>> from sdialog import Dialog, Turn
            >>> print(Dialog(turns=[Turn(speaker="A", text="call 555 1234")]).re_sub(r"\\d", "#"))
            A: call ### ####
        """
        compiled = re.compile(pattern, flags) if isinstance(pattern, str) else pattern
        return self._edit(lambda text: compiled.sub(repl, text, count=count), in_place)

    def length(self, mode: str = "words", words_per_minute: int = 130) -> int:
        """Tell how long the dialog is.

        Args:
            mode: ``words`` (separated by whitespace), ``turns``, or ``minutes`` (also ``time``): words divided by
                ``words_per_minute``, rounded as Python's ``round`` does, at least 1.
            words_per_minute: pace of speech; 130 is that of calm conversation.

        Raises:
            UserError: if the mode is none of these.
        """
        kind = mode.lower()
        if kind == "turns":
            return len(self.turns or ())
        words = sum(len(turn) for turn in self.turns or ())
        if kind == "words":
            return words
        if kind in ("minutes", "time"):
            return max(1, round(words / words_per_minute))
        raise UserError(f"a dialog's length is measured in {', '.join(LENGTH_MODES)}, not {mode!r}")

    def get_speakers(self, keep_case: bool = True) -> list[str]:
        """Return the names of those who speak, each once, in the order they first do; lower case on request."""
        names = [turn.speaker for turn in self.turns or () if turn.speaker]
        return list(dict.fromkeys(names if keep_case else [name.lower() for name in names]))

    def rename_speaker(
        self, old: str, new: str, case_sensitive: bool = False, in_events: bool = True, in_place: bool = True
    ) -> Self:
        """Call a speaker by another name, in the turns and wherever else the dialog names speakers.

        Args:
            old: present name.
            new: new name; if somebody else has it, the two become one speaker.
            case_sensitive: whether ``ann`` is somebody else than ``Ann``.
            in_events: rename in events as well.
            in_place: change this dialog rather than a clone.
        """
        target = self if in_place else self.clone()
        for turn in target.turns or ():
            if _same_name(turn.speaker, old, case_sensitive):
                turn.speaker = new
        if in_events:
            for event in target.events or ():
                if _same_name(event.agent, old, case_sensitive):
                    event.agent = new
        for by_speaker in (target.personas, target.models):
            if by_speaker and new not in by_speaker:
                renamed = {new if _same_name(k, old, case_sensitive) else k: v for k, v in by_speaker.items()}
                by_speaker.clear()
                by_speaker.update(renamed)
        return target

    def filter(self, speaker: str | None) -> Self:
        """Return a clone with the turns and events of one speaker only.

        Args:
            speaker: the name, upper or lower case alike; None for the turns of nobody in particular.

        Returns:
            A clone; it is empty, and a warning is logged, if nobody has that name.
        """
        found = self.clone()
        found.turns = [turn for turn in found.turns or () if _same_name(turn.speaker, speaker)]
        if found.events is not None:
            found.events = [event for event in found.events if _same_name(event.agent, speaker)]
        if not found.turns:
            import logging

            logging.getLogger("sdialog").warning(
                "no turn is by %r; the speakers are %s", speaker, ", ".join(self.get_speakers()) or "unnamed"
            )
        return found

    def events_of(self, index: int) -> list[Event]:
        """Return the events behind one turn: instructions, thoughts and tool calls first, then the utterance.

        Args:
            index: which turn; negative ones count from the end.

        Returns:
            Events in the order they happened; empty if none were recorded.
        """
        turns, events = self.turns or [], self.events or []
        position = range(len(turns))[index]
        return [event for event, owner in zip(events, owners(turns, events), strict=True) if owner == position]

    def _edit(self, change: Callable[[str], str], in_place: bool) -> Self:
        target = self if in_place else self.clone()
        for turn in target.turns or ():
            turn.text = change(turn.text)
        return target

    def _slice(self, wanted: slice) -> Self:
        """Return a clone with some of the turns and the events that belong to them."""
        part = self.clone()
        turns, events = part.turns or [], part.events
        kept = range(len(turns))[wanted]
        part.turns = turns[wanted]
        if events is not None:
            owner_of = owners(turns, events)
            # Events after the last turn stay with it.
            wanted_owners = {*kept, *([len(turns)] if turns and len(turns) - 1 in kept else [])}
            order = sorted(range(len(events)), key=owner_of.__getitem__, reverse=True) if kept.step < 0 else None
            part.events = [events[i] for i in order or range(len(events)) if owner_of[i] in wanted_owners]
        return part


def merge_consecutive(dialog: Dialog, separator: str = "\n") -> None:
    """Merge turns of one speaker that follow each other, in place; events stay as they are."""
    merged: list[Turn] = []
    for turn in dialog.turns or ():
        if merged and merged[-1].speaker == turn.speaker:
            merged[-1].text = f"{merged[-1].text}{separator}{turn.text}".strip()
        else:
            merged.append(turn.model_copy())
    dialog.turns = merged


def _same_name(name: str | None, wanted: str | None, case_sensitive: bool = False) -> bool:
    if name is None or wanted is None or case_sensitive:
        return name == wanted
    return name.casefold() == wanted.casefold()
