"""What every turn-taking policy is given and must answer."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.registry import Registry
from sdialog.llm.types import Usage

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Turn
    from sdialog.llm.protocol import Model
    from sdialog.llm.scheduler import Client


TURN_TAKING = "(turn taking)"
"""Stands for a policy where a speaker's name is expected: in usage, request keys and events."""

# Thai to Burmese, Khmer, kana and ideographs: written without spaces between the words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(slots=True)
class Floor:
    """The state of one conversation, as a policy sees it.

    Attributes:
        parties: names of all who take part, in their order; the first one opens unless the policy says otherwise.
        dialog: the dialog so far.
        rng: random numbers of this conversation's turn taking.
        seed: seed for model calls that a policy makes.
        models: model of each party.
        client: gives the client of a model.
        left: parties that have ended the conversation for themselves.
        chosen: who was chosen by name without a turn being said, by a moderator's bare "Ben"; or None.
        usage: what the policy's own model calls cost.
        notes: counts of what went wrong, such as ``choice_fallback``; they end in ``run.json``.
    """

    parties: tuple[str, ...]
    dialog: Dialog
    rng: random.Random
    seed: int
    models: Mapping[str, Model]
    client: Callable[[Model], Client]
    left: set[str] = field(default_factory=set)
    chosen: str | None = None
    usage: Usage = field(default_factory=Usage)
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def turns(self) -> list[Turn]:
        """The turns so far."""
        return self.dialog.turns or []

    @property
    def last(self) -> str | None:
        """Who spoke last, or None at the start."""
        return self.turns[-1].speaker if self.turns else None

    def candidates(self, *, besides: str | None = None) -> list[str]:
        """Return who is still there, without ``besides``, in order."""
        return [name for name in self.parties if name not in self.left and name != besides]

    def after(self, name: str | None, among: Sequence[str] | None = None) -> str:
        """Return the next of ``among`` (default: who is still there) after ``name`` in the order of the parties."""
        pool = self.candidates(besides=name) if among is None else list(among)
        start = self.parties.index(name) + 1 if name in self.parties else 0
        return min(pool, key=lambda other: (self.parties.index(other) - start) % len(self.parties))

    def longest_silent(self, among: Sequence[str]) -> str:
        """Return who of ``among`` has not spoken for the longest time; the first in order when several never have."""
        waiting = list(among)
        for turn in reversed(self.turns):
            if len(waiting) == 1:
                break
            if turn.speaker in waiting:
                waiting.remove(turn.speaker)
        return waiting[0]

    def count(self, note: str) -> None:
        """Count something worth knowing about."""
        self.notes[note] = self.notes.get(note, 0) + 1


class TurnTaking(ABC):
    """Decides who speaks next. One policy object may serve any number of conversations at once: it keeps no state.

    To add one, put a file into ``sdialog/simulation/turn_taking`` (or register a class in your own module) and
    implement :meth:`next`; its constructor's arguments become the options of the scenario's ``turn_taking`` key.
    """

    @abstractmethod
    async def next(self, floor: Floor) -> str:
        """Return the name of the one who speaks next, one of ``floor.candidates()``."""

    def chooser(self, floor: Floor, name: str) -> str | None:
        """Return who has just chosen ``name``, if that is worth a ``select_speaker`` event; else None."""
        return None

    def silent_choice(self, floor: Floor, speaker: str, text: str) -> str | None:
        """Return whom a reply merely names, if that is all it does and it is therefore no turn; else None."""
        return None

    def over(self, floor: Floor) -> bool:
        """Whether the conversation has ended although two or more are still there."""
        return False

    def check(self, parties: Sequence[str]) -> None:  # noqa: B027 - most policies serve anybody
        """Raise a UserError if this policy cannot serve these parties."""

    def describe(self) -> dict[str, Any]:
        """Return the options as plain data, for the plan of a run."""
        return {k: v for k, v in vars(self).items() if isinstance(v, (str, int, float, bool)) or v is None}


policies: Registry[type[TurnTaking]] = Registry("turn-taking policy", "sdialog.simulation.turn_taking")
"""Policies by name: the files of this folder and installed plug-ins."""


def policy(spec: str | Mapping[str, Any] | TurnTaking) -> TurnTaking:
    """Make a policy from how a scenario or caller names it.

    Args:
        spec: a name (``"round_robin"``), a one-entry mapping from name to its option or options
            (``{"moderator": "Chair"}``, ``{"model": {"retries": 1}}``), or a policy object.

    Returns:
        The policy.

    Raises:
        UnknownNameError: if no policy has that name.
        ConfigError: if it does not take the options.

    Example:
        >>> type(policy({"moderator": "Chair"})).__name__
        'Moderator'
    """
    if isinstance(spec, TurnTaking):
        return spec
    if isinstance(spec, str):
        name, options = spec, None
    elif isinstance(spec, Mapping) and len(spec) == 1:
        ((name, options),) = spec.items()
    else:
        raise ConfigError(
            f"turn taking is a policy's name, such as alternate, or one name with its options, such as "
            f"{{moderator: Chair}}; got {spec!r}"
        )
    kind: Callable[..., TurnTaking] = policies.get(name)
    try:
        if isinstance(options, Mapping):
            return kind(**options)
        return kind() if options is None else kind(options)
    except TypeError as error:
        raise ConfigError(f"turn-taking policy {name!r} does not take {options!r}: {error}") from error


def named_in(text: str, names: Sequence[str], *, prose: bool = True) -> list[str]:
    """Return which of ``names`` a text mentions, in the order of their last mention.

    A full name counts; so does a first or last name that only one of them bears. Since names are words too (Will,
    Grace), a single one in small letters counts only when it is set off as an address, and one that opens a question
    does not ("Will that be all?"). In scripts without spaces a name may stand anywhere.

    Args:
        text: what was said.
        names: names to look for.
        prose: whether it was said in a conversation; in an answer to "who?" a name counts in any letter case.

    Example:
        >>> named_in("Ana spoke. What do you think, Mr. Ode?", ["Ana Diaz", "Ben Ode", "Cy"])
        ['Ana Diaz', 'Ben Ode']
    """
    found = []
    for name, pattern in zip(names, _patterns(tuple(names), prose), strict=True):
        places = [match.start() for match in pattern.finditer(text) if not (prose and _asks(match))]
        if places:
            found.append((places[-1], name))
    return [name for _, name in sorted(found)]


def _asks(match: re.Match[str]) -> bool:
    """Tell whether what looks like a name is the verb that opens a question."""
    before = match.string[: match.start()].rstrip(" \t\n\"'“‘(*")
    opens = not before or before[-1] in ".!?"
    return match[0].lower() in ("will", "may") and opens and bool(re.match(r"\s+\w", match.string[match.end() :]))


@lru_cache(maxsize=512)
def _patterns(names: tuple[str, ...], prose: bool) -> tuple[re.Pattern[str], ...]:
    words = Counter(word.casefold() for name in names for word in {*name.split()})
    patterns = []
    for name in names:
        ends = {name.split()[0], name.split()[-1]} if name.split() else set()
        short = {word for word in ends if words[word.casefold()] == 1 and len(word) > 1 and not word.isdigit()}
        patterns.append(
            re.compile("|".join(_pattern(form, prose) for form in sorted({name, *short}, key=len, reverse=True)))
        )
    return tuple(patterns)


def _pattern(name: str, prose: bool) -> str:
    if _UNSPACED.search(name):
        return re.escape(name)
    if not prose or len(name.split()) > 1:
        return rf"(?<!\w)(?i:{re.escape(name)})(?!\w)"
    written = "|".join(map(re.escape, sorted({name, name.upper(), name.capitalize(), name[:1].upper() + name[1:]})))
    address = rf"""(?:^|(?<=[,.!?:-] )|(?<=[\n"'“(*]))(?i:{re.escape(name)})(?=["'”)*]*\s*(?:[,.!?:\n]|$))"""
    return rf"(?<!\w)(?:{written})(?!\w)|{address}"


def fits(name: str, names: Sequence[str], what: str) -> None:
    """Raise UnknownNameError unless ``name`` is one of ``names``."""
    if name not in names:
        raise UnknownNameError(what, name, names)
