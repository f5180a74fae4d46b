"""Who is the system and who the user in each dialog, and what each of them says, one utterance after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sdialog.core.errors import UnknownNameError
from sdialog.evaluation.metrics.text import sentences

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

DEFAULT_SYS_NAME = "system"
DEFAULT_USER_NAME = "user"
DEFAULT_TOKEN_START = "[start]"
DEFAULT_TOKEN_END = "[end]"

# What data sets call the two sides.
_SYSTEM = frozenset({"system", "assistant", "agent", "bot", "chatbot", "ai", "wizard", "operator"})
_USER = frozenset({"user", "human", "customer", "client", "caller"})
_RECURS = 0.5


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something said: a turn, or a sentence of one.

    Attributes:
        turn: number of the turn in its dialog, from 0.
        speaker: who said it, as written.
        role: the speaker's role, such as ``system``.
        text: what was said.
    """

    turn: int
    speaker: str | None
    role: str
    text: str


@dataclass(frozen=True)
class Roles:
    """Which role each speaker has.

    Attributes:
        by_name: role of each speaker whose role does not depend on the dialog, by the name in lower case.
        explicit: whether the caller said so; then all other speakers are users.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> talk = Dialog(turns=[Turn(speaker="Human", text="Hi!"), Turn(speaker="Bot", text="Hello.")])
        >>> Roles.learn([talk]).of(talk)
        ['user', 'system']
    """

    by_name: Mapping[str, str] = field(default_factory=dict)
    explicit: bool = False

    @classmethod
    def learn(
        cls,
        dialogs: Sequence[Dialog],
        system_speaker_name: str | None = None,
        roles: Mapping[str, str] | None = None,
    ) -> Roles:
        """Find the roles in a corpus.

        Args:
            dialogs: the corpus.
            system_speaker_name: who is the system; everybody else is a user.
            roles: the role of each speaker, any names for roles; everybody else is a user.

        Returns:
            With neither argument: usual names such as ``Bot`` and ``Customer`` tell their roles; a single speaker who
            is in most dialogs while the others change is the system; of two, the one who speaks first in the first
            dialog with both. What is left open is settled in each dialog, see :meth:`of`.

        Raises:
            UnknownNameError: if the named system speaks in none of the dialogs.
        """
        names = [_names(dialog) for dialog in dialogs]
        if roles is not None:
            return cls({name.casefold(): role for name, role in roles.items()}, explicit=True)
        if system_speaker_name is not None:
            wanted = system_speaker_name.casefold()
            if names and not any(wanted in found for found in names):
                raise UnknownNameError(
                    "speaker", system_speaker_name, {name for found in names for name in found if name}
                )
            return cls({wanted: DEFAULT_SYS_NAME}, explicit=True)
        known = {name: role for found in names for name in found if (role := _usual(name)) is not None}
        counts = Counter(name for found in names for name in found)
        recurring = [name for name, count in counts.items() if count > _RECURS * len(names)]
        unknown = [name for name in recurring if name not in known]
        if DEFAULT_SYS_NAME not in known.values() and unknown:
            # Counter keeps the order in which names first came up.
            known |= dict.fromkeys(unknown, DEFAULT_USER_NAME) | {unknown[0]: DEFAULT_SYS_NAME}
        return cls(known)

    def of(self, dialog: Dialog) -> list[str]:
        """Return the role of each turn.

        Where no speaker of the dialog is known to be the system, the first one not known to be a user is; all others
        are users.
        """
        names = _names(dialog)
        found = {name: self.by_name[name] for name in names if name in self.by_name}
        if not self.explicit and DEFAULT_SYS_NAME not in found.values():
            first = next((name for name in names if name not in found), None)
            if first is not None:
                found[first] = DEFAULT_SYS_NAME
        return [found.get(_plain(turn.speaker), DEFAULT_USER_NAME) for turn in dialog]


def utterances_of(dialog: Dialog, roles: Roles, *, only: str | None = None, split: bool = False) -> list[Utterance]:
    """Return what is said in a dialog, blank turns left out.

    Args:
        dialog: the dialog.
        roles: who has which role.
        only: keep this role's utterances only.
        split: make an utterance of each sentence rather than of each turn.
    """
    found: list[Utterance] = []
    for number, (turn, role) in enumerate(zip(dialog, roles.of(dialog), strict=True)):
        text = " ".join(turn.text.split())
        if text and only in (None, role):
            parts = sentences(text) if split else [text]
            found.extend(Utterance(number, turn.speaker, role, part) for part in parts or [text])
    return found


def domains_of(dialog: Dialog) -> set[str]:
    """Return the domains that a dialog's scenario, context or annotations name under ``domain`` or ``domains``."""
    found: set[str] = set()
    for data in (dialog.scenario, dialog.context, dialog.annotations):
        for key, value in data.items() if isinstance(data, Mapping) else ():
            if key.casefold() in ("domain", "domains"):
                named = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
                found |= {str(name).casefold() for name in named}
    return found


def _names(dialog: Dialog) -> list[str]:
    return list(dict.fromkeys(_plain(turn.speaker) for turn in dialog))


def _plain(speaker: str | None) -> str:
    return (speaker or "").strip().casefold()


def _usual(name: str) -> str | None:
    if name in _SYSTEM:
        return DEFAULT_SYS_NAME
    return DEFAULT_USER_NAME if name in _USER else None
