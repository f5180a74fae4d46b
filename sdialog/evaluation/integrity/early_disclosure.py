"""Does a simulated user tell everything at once?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.evaluation.integrity.base import Fault, Inspection, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk, tokens
from sdialog.evaluation.metrics.text import sentences

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

_LEAST_FACTS = 3
_WORDS_OF_A_FACT = 0.6
_KEYS = ("goal", "goals", "facts")
_EMPTY = frozenset({
    "a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "by", "for", "from", "with", "is",
    "are", "was", "were", "be", "been", "has", "have", "had", "wants", "want", "i", "my", "me", "you", "your",
    "he", "she", "it", "its", "they", "their", "his", "her", "this", "that", "as", "not", "no", "do", "does",
    "did", "will", "would", "about",
})  # fmt: skip

Goal = str | Sequence[str] | Mapping[str, Any]


class EarlyDisclosureDetector(IntegrityDetector):
    """Finds dialogs in which a user simulator tells its whole goal in its first turn.

    A goal is a list of facts that should come bit by bit. A fact is told by a turn that holds all of its numbers and at
    least 60 % of its other words, small words left out. With fewer than three facts, or none given, there is no value.

    Args:
        name: what it is called in tables.
        ai_speaker: the helper; its turns are left out here, since the goal is the other's.
        goal: the facts: a list of texts, a mapping whose values are facts, a text of which each sentence is one, or a
            function that gives one of these for a dialog. By default what the dialog records under ``goal``, ``goals``
            or ``facts`` in its scenario or in the user's persona.
        share: the fault is there when at least this share of the facts is told at once, above 0 and up to 1.

    Raises:
        ConfigError: if ``share`` or ``goal`` cannot be used.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> goal = ["order number 4711", "a broken red lamp", "paid by card"]
        >>> def found(text):
        ...     return EarlyDisclosureDetector(goal=goal)(Dialog(turns=[Turn(speaker="User", text=text)]))
        >>> found("My red lamp is broken."), found("My red lamp of order 4711 came broken, and I paid by card.")
        (0, 1)
        >>> print(EarlyDisclosureDetector()(Dialog(turns=[Turn(speaker="User", text="Hello!")])))
        None
    """

    kind = "early_disclosure"

    def __init__(
        self,
        name: str | None = None,
        ai_speaker: str | None = None,
        *,
        goal: Goal | Callable[[Dialog], Goal | None] | None = None,
        share: float = 0.75,
    ) -> None:
        super().__init__(name, ai_speaker)
        if not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise ConfigError(f"share is above 0 and at most 1, not {share!r}")
        if goal is not None and not callable(goal) and len(_facts(goal)) < _LEAST_FACTS:
            raise ConfigError(
                f"a goal that comes bit by bit has at least {_LEAST_FACTS} facts, not {len(_facts(goal))}"
            )
        self.goal, self.share = goal, float(share)

    def inspect(self, dialog: Dialog) -> Inspection:
        """Return whether the goal is told at once, and where."""
        given = self.goal(dialog) if callable(self.goal) else self.goal
        return self._look(Talk.of(dialog, self.ai_speaker), given)

    def look(self, talk: Talk) -> Inspection:
        """Return the same of a dialog that is prepared; a function for a goal needs the dialog itself."""
        if callable(self.goal):
            raise ConfigError("a goal that is a function of the dialog needs inspect(dialog)")
        return self._look(talk, self.goal)

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield the first turn of a speaker who tells everything in it."""
        yield from self.look(talk).faults

    def _look(self, talk: Talk, goal: Goal | None) -> Inspection:
        if not talk.texts:
            return Inspection(None, reason="the dialog has no turns")
        facts = _facts(goal if goal is not None else _recorded(talk))
        if len(facts) < _LEAST_FACTS:
            return Inspection(None, reason=f"{len(facts)} facts of a goal are known, and it takes {_LEAST_FACTS}")
        for number in _first_turns(talk):
            said = set(talk.tokens[number])
            told = [" ".join(fact) for fact in facts if _tells(said, fact)]
            if len(told) >= self.share * len(facts):
                sign = f"tells {len(told)} of {len(facts)} facts at once"
                fault = Fault(number, talk.labels[number], sign, talk.texts[number])
                return Inspection(True, (fault,), f"turn {number}: {sign}")
        return Inspection(False)


def _first_turns(talk: Talk) -> Iterator[int]:
    """Yield the first turn of each speaker who may have the goal."""
    seen = {talk.ai_speaker.casefold()} if talk.ai_speaker is not None else set[str]()
    for number in talk.spoken:
        if talk.speakers[number] not in seen and talk.roles[number] != "helper":
            seen.add(talk.speakers[number])
            yield number


def _recorded(talk: Talk) -> Any:
    places = [talk.scenario, *(talk.personas.get(speaker) for speaker in dict.fromkeys(talk.speakers))]
    for place in places:
        for key in _KEYS if isinstance(place, Mapping) else ():
            if place.get(key):
                return place[key]
    return None


def _facts(goal: Any) -> list[list[str]]:
    """Return the words of each fact that count."""
    if isinstance(goal, str):
        given: list[Any] = [part for sentence in sentences(goal) for part in sentence.split(";")]
    elif isinstance(goal, Mapping):
        given = list(goal.values())
    else:
        given = list(goal) if isinstance(goal, Sequence) else []
    words = [[word for word in dict.fromkeys(tokens(str(fact))) if word not in _EMPTY] for fact in given]
    return [fact for fact in words if fact]


def _tells(said: set[str], fact: Sequence[str]) -> bool:
    numbers = [word for word in fact if any(sign.isdigit() for sign in word)]
    others = [word for word in fact if word not in numbers]
    if not said.issuperset(numbers):
        return False
    stems = {word[:4] for word in said}  # "travelling" tells "travels"
    # A number is most of what such a fact says: half of its other words will do.
    needed = (_WORDS_OF_A_FACT if not numbers else 0.5) * len(others)
    return sum(word in said or (len(word) > 4 and word[:4] in stems) for word in others) >= needed
