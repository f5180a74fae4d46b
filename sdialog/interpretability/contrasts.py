"""Contrast sets: conversations that differ in what a direction is to stand for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.caching.views import View, Viewpoint, prompt_of
from sdialog.llm.types import Message

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Names = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """A conversation of a contrast set.

    Attributes:
        messages: what the model is given.
        group: what it belongs to, such as its dialog; examples of one group are never split between folds.
        speaker: what the assistant is called.
        ask: whether the model is to speak next.
    """

    messages: tuple[Message, ...]
    group: str
    speaker: str | None = None
    ask: bool = False


@dataclass(frozen=True)
class ContrastSet:
    """Conversations that show something, and others that do not.

    Attributes:
        positive, negative: the examples.
        paired: whether the i-th positive and negative examples belong together and differ in nothing else.
        names: what the two are called.

    Raises:
        UserError: if a side is empty, or pairs are not complete.

    Example:
        >>> found = ContrastSet.from_pairs([("Answer rudely.", "Answer politely."), ("Be rude.", "Be polite.")])
        >>> found.paired, found.positive[0].messages[0].role, found.positive[0].ask
        (True, 'user', True)
    """

    positive: tuple[Example, ...]
    negative: tuple[Example, ...]
    paired: bool = False
    names: Names = ("positive", "negative")

    def __post_init__(self) -> None:
        if not self.positive or not self.negative:
            side = "positive" if not self.positive else "negative"
            raise UserError(f"a contrast needs examples on both sides; there is no {side} one")
        if self.paired and len(self.positive) != len(self.negative):
            raise UserError(f"{len(self.positive)} positive and {len(self.negative)} negative examples are no pairs")

    @property
    def ask(self) -> bool:
        """Whether the model is to speak next in all of them."""
        return all(one.ask for one in (*self.positive, *self.negative))

    @classmethod
    def from_personas(
        cls,
        pairs: Sequence[tuple[Any, Any]],
        dialogs: Iterable[Dialog] | None = None,
        *,
        heard: Sequence[str] = ("",),
        speaker: str | None = None,
        every_turn: bool = False,
        context: Any = None,
        names: Names = ("positive", "negative"),
    ) -> ContrastSet:
        """Return pairs of equal conversations in which the assistant has one persona or another.

        Args:
            pairs: positive and negative persona, or agents that have them; see :func:`vary`.
            dialogs: what was said; of one pair all dialogs, of several the i-th goes with the i-th pair. None: the
                model is to speak next, after what it has heard.
            heard: without dialogs, what the other party said before; each goes with each pair. Empty text has the
                assistant open.
            speaker: who the assistant is in the dialogs. Default: who is called as the positive persona is; where
                nobody is, the second speaker.
            every_turn: make an example of each place in a dialog where the assistant is to speak next, instead of one
                of the whole dialog.
            context: of all conversations, where personas are given and no agents.
            names: what the two sides are called.

        Raises:
            UserError: if pairs and dialogs are not equally many.
        """
        if dialogs is None:
            listed = [
                ((_opening(one, text, context), _opening(other, text, context)), str(place))
                for place, (one, other) in enumerate(pairs)
                for text in heard
            ]
            return cls._of_pairs(listed, names)
        listened = list(dialogs)
        chosen = list(pairs) * len(listened) if len(pairs) == 1 else list(pairs)
        if len(chosen) != len(listened):
            raise UserError(
                f"{len(chosen)} pairs of personas do not go with {len(listened)} dialogs; give one for each"
            )
        views = [
            Viewpoint(None, speaker or _part_of(pair[0], dialog)).view(dialog)
            for pair, dialog in zip(chosen, listened, strict=True)
        ]
        found: list[tuple[tuple[Example, Example], str]] = []
        for place, (pair, view) in enumerate(zip(chosen, views, strict=True)):
            sides = [_under(view, _system(persona, context)) for persona in pair]
            cuts = _cuts(view) if every_turn else [None]
            found += [((_cut(sides[0], cut), _cut(sides[1], cut)), str(place)) for cut in cuts]
        return cls._of_pairs(found, names)

    @classmethod
    def from_pairs(
        cls,
        pairs: Sequence[tuple[Any, Any]],
        *,
        system: str | None = None,
        speaker: str | None = None,
        groups: Sequence[Hashable] | None = None,
        names: Names = ("positive", "negative"),
    ) -> ContrastSet:
        """Return pairs of texts, dialogs or conversations.

        Args:
            pairs: positive and negative one: a text, which the model hears and is to answer; a dialog; or messages.
            system: system prompt of texts and of dialogs that have none of their own.
            speaker: who the assistant is in dialogs; default their second speaker.
            groups: pairs of one group are never split between folds; default each pair stands alone.
            names: what the two sides are called.
        """
        apart = [str(one) for one in groups] if groups is not None else [str(place) for place in range(len(pairs))]
        if len(apart) != len(pairs):
            raise UserError(f"{len(pairs)} pairs have {len(apart)} groups; give one for each")
        listed = [
            ((_example(one, system, speaker), _example(other, system, speaker)), group)
            for (one, other), group in zip(pairs, apart, strict=True)
        ]
        return cls._of_pairs(listed, names)

    @classmethod
    def from_labels(
        cls,
        dialogs: Iterable[Dialog],
        label: Callable[[Dialog], Any] | Mapping[Any, Any],
        *,
        positive: Any = True,
        source: Any = None,
        speaker: str | None = None,
    ) -> ContrastSet:
        """Return dialogs with a label against all others.

        Args:
            dialogs: the dialogs.
            label: a function of a dialog, or a mapping from ids; dialogs with None are left out.
            positive: label of the positive side.
            source: an agent whose prompt they are seen with; default the recorded personas.
            speaker: whose view it is; default the agent's, else the second speaker's.
        """
        viewpoint = Viewpoint(source, speaker)
        sides: tuple[list[Example], list[Example]] = ([], [])
        others = set()
        for place, dialog in enumerate(dialogs):
            found = label.get(dialog.id) if isinstance(label, Mapping) else label(dialog)
            if found is not None:
                view = viewpoint.view(dialog)
                side = 0 if found == positive else 1
                sides[side].append(Example(view.messages, str(place), view.speaker))
                others |= {str(found)} if side else set()
        rest = others.pop() if len(others) == 1 else f"not {positive}"
        return cls(tuple(sides[0]), tuple(sides[1]), False, (str(positive), rest))

    @classmethod
    def _of_pairs(cls, listed: Iterable[tuple[tuple[Example, Example], str]], names: Names) -> ContrastSet:
        pairs = [tuple(replace(one, group=group) for one in pair) for pair, group in listed]
        return cls(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs), True, names)


def vary(personas: Iterable[Any], field: str, positive: Any, negative: Any) -> list[tuple[Any, Any]]:
    """Return for each persona two that differ in one field.

    Args:
        personas: persona objects.
        field: the field.
        positive, negative: its two values.

    Raises:
        UnknownNameError: if a persona has no such field.

    Example:
        >>> from sdialog.personas import Customer
        >>> ((rude, polite),) = vary([Customer(name="Ann")], "politeness", "rude", "polite")
        >>> rude.politeness, polite.politeness, polite.name
        ('rude', 'polite', 'Ann')
    """
    found = []
    for persona in personas:
        if field not in type(persona).model_fields:
            raise UnknownNameError("field", field, type(persona).model_fields, f"of {type(persona).__name__}")
        found.append((persona.clone(**{field: positive}), persona.clone(**{field: negative})))
    return found


def _system(persona: Any, context: Any) -> tuple[Message, ...]:
    if callable(getattr(persona, "session", None)):
        return tuple(persona.session(0).memory)
    return (Message("system", prompt_of(persona, context)),)


def _name(persona: Any) -> str | None:
    found = persona.get("name") if isinstance(persona, Mapping) else getattr(persona, "name", None)
    return str(found) if found else None


def _part_of(persona: Any, dialog: Dialog) -> str | None:
    """Return whose part a persona has in a dialog; None where nobody is called so."""
    name = _name(persona)
    return name if name in [turn.speaker for turn in dialog.turns or ()] else None


def _opening(persona: Any, text: str, context: Any) -> Example:
    heard = (Message("user", text),) if text else ()
    return Example((*_system(persona, context), *heard), "", _name(persona), ask=True)


def _under(view: View, system: tuple[Message, ...]) -> Example:
    said = tuple(message for message, turn in zip(view.messages, view.turns, strict=True) if turn >= 0)
    return Example((*system, *said), "", view.speaker, ask=said[-1].role == "user")


def _cuts(view: View) -> list[int | None]:
    """Return at which messages from the end the assistant speaks."""
    size = len(view.messages)
    return [place - size for place, message in enumerate(view.messages) if message.role == "assistant"]


def _cut(example: Example, cut: int | None) -> Example:
    return example if cut is None else replace(example, messages=example.messages[:cut], ask=True)


def _example(given: Any, system: str | None, speaker: str | None) -> Example:
    prompt = (Message("system", system),) if system else ()
    if isinstance(given, str):
        return Example((*prompt, Message("user", given)), "", speaker, ask=True)
    if hasattr(given, "turns"):
        view = Viewpoint(None, speaker).view(given)
        own = () if view.messages[0].role == "system" else prompt
        return Example((*own, *view.messages), "", view.speaker, ask=view.messages[-1].role == "user")
    messages = tuple(given)
    if not messages or not all(isinstance(one, Message) for one in messages):
        raise UserError(f"an example is a text, a dialog or messages, not {given!r:.80}")
    return Example(messages, "", speaker, ask=messages[-1].role != "assistant")
