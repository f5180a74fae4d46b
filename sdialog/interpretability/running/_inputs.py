"""From what users have of a conversation to the tokens that a model reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sdialog.core.dialog import Dialog
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.rendering import Label, Rendering
from sdialog.llm.interventions import Network
from sdialog.llm.types import Message


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens to run a model on.

    Attributes:
        rendering: the tokens with what each is; of bare token ids, nothing is known but where they are.
        tokenizer: to show them.
        name: what to call the conversation where there are several; empty for its number.
    """

    rendering: Rendering
    tokenizer: Any = None
    name: str = ""

    @property
    def ids(self) -> tuple[int, ...]:
        """Token ids."""
        return self.rendering.ids

    @cached_property
    def strings(self) -> tuple[str, ...]:
        """The text of each token."""
        return tuple(shown(self.tokenizer, one) for one in self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, span: str | Span) -> list[int]:
        """Return the positions that a span means.

        Raises:
            UserError: if it means none.
        """
        return [place for place, meant in enumerate(Span.parse(span).require(self.rendering)) if meant]

    def position(self, index: int) -> int:
        """Return a position counted from the start.

        Raises:
            UserError: if there is no such token.
        """
        if not -len(self) <= index < len(self):
            raise UserError(f"there is no token {index} among {len(self)}, 0 to {len(self) - 1} or from the end -1")
        return index % len(self)

    def turn(self, position: int) -> str:
        """Return what to call the message that a token belongs to: ``1 Ann``, ``system``, or ``template``."""
        label = self.rendering.labels[position]
        if label.message is None:
            return "template"
        name = label.speaker or label.role or "message"
        return f"{label.turn} {name}" if label.turn is not None else name


def tokens_of(network: Network, given: Any, *, speaker: str | None = None, system: str | None = None) -> Tokens:
    """Return the tokens of one conversation.

    Args:
        network: the model that reads them.
        given: a dialog, messages, a rendering, text, or token ids.
        speaker: of a dialog: whose view it is, that is, who the model plays; of messages: what it is called.
        system: of a dialog: the system prompt that the speaker has.

    Raises:
        UserError: if it is none of these, or empty, or cannot be rendered.
    """
    if isinstance(given, Tokens):
        return given
    if isinstance(given, Rendering):
        found = given
    elif isinstance(given, Dialog):
        messages = seen_by(given, speaker, system)
        found = _rendered(network, messages, speaker)
    elif isinstance(given, str):
        found = _bare(network.tokenizer(given)["input_ids"])
    elif _is_ids(given):
        found = _bare(given)
    elif isinstance(given, Sequence) and given and all(isinstance(one, Message) for one in given):
        found = _rendered(network, given, speaker)
    else:
        raise UserError(
            f"a conversation is a Dialog, a list of Messages, a Rendering, a text or token ids, not "
            f"{type(given).__name__} {given!r:.60}"
        )
    vocabulary = network.model.get_input_embeddings().weight.shape[0]
    wrong = [one for one in found.ids if not 0 <= one < vocabulary]
    if not found.ids or wrong:
        raise UserError(f"token ids are 0 to {vocabulary - 1}, not {wrong[:3]}" if wrong else "there are no tokens")
    return Tokens(found, network.tokenizer)


def all_tokens(
    network: Network, given: Any, *, speaker: str | None = None, system: str | None = None
) -> tuple[list[Tokens], bool]:
    """Return the tokens of one conversation or of each of several, and whether they are several."""
    many = is_several(given)
    each = given if many else [given]
    return [tokens_of(network, one, speaker=speaker, system=system) for one in each], many


def is_several(given: Any) -> bool:
    """Tell whether something is several conversations: a list of what is one."""
    if isinstance(given, (str, Dialog, Rendering, Tokens)) or _is_ids(given):
        return False
    return isinstance(given, Sequence) and bool(given) and not isinstance(given[0], Message)


def seen_by(dialog: Dialog, speaker: str | None, system: str | None = None) -> list[Message]:
    """Return a dialog as one of its speakers saw it: its own turns are the assistant's, all others are users'.

    Raises:
        UserError: if the speaker is not told or not in it.

    Example:
        >>> from sdialog.core.dialog import Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello.")])
        >>> [(one.role, one.content) for one in seen_by(dialog, "Bob", "You are Bob.")]
        [('system', 'You are Bob.'), ('user', 'Hi!'), ('assistant', 'Hello.')]
    """
    speakers = list(dict.fromkeys(turn.speaker for turn in dialog if turn.speaker is not None))
    if speaker is None:
        raise UserError(f"say whose view of the dialog the model has: speaker= one of {', '.join(speakers)}")
    if speaker not in speakers:
        raise UnknownNameError("speaker", speaker, speakers)
    messages = [] if system is None else [Message("system", system)]
    for turn in dialog:
        own = turn.speaker == speaker
        # As in a conversation that is played: where others are several, who speaks is part of what is heard.
        text = f"{turn.speaker}: {turn.text}" if len(speakers) > 2 and not own and turn.speaker else turn.text
        messages.append(Message("assistant" if own else "user", text, turn.speaker))
    return messages


def token_id(tokenizer: Any, token: int | str) -> int:
    """Return the id of a token given as such or by its text.

    Raises:
        UserError: if the text is not one token.
    """
    if not isinstance(token, str):
        return int(token)
    ids = list(tokenizer(token, add_special_tokens=False)["input_ids"]) if tokenizer is not None else []
    if len(ids) != 1:
        pieces = [shown(tokenizer, one) for one in ids]
        raise UserError(f"{token!r} is {len(ids)} tokens of this model, {pieces}; name one, or give its id")
    return int(ids[0])


def shown(tokenizer: Any, token: int) -> str:
    """Return the text of a token."""
    return str(token) if tokenizer is None else str(tokenizer.decode([token], skip_special_tokens=False))


def _rendered(network: Network, messages: Sequence[Message], speaker: str | None) -> Rendering:
    ask = messages[-1].role != "assistant"
    return Rendering.from_messages(network.tokenizer, messages, speaker=speaker, ask=ask)


def _is_ids(given: Any) -> bool:
    if hasattr(given, "tolist"):  # a tensor or an array
        return getattr(given, "ndim", 0) == 1
    return (
        isinstance(given, Sequence)
        and not isinstance(given, str)
        and bool(given)
        and all(isinstance(one, int) and not isinstance(one, bool) for one in given)
    )


def _bare(ids: Iterable[Any]) -> Rendering:
    """Return a rendering of tokens of which nothing is known."""
    plain = tuple(int(one) for one in ids)
    count = len(plain)
    return Rendering("", plain, count, (), (Label(),) * count, ((0, 0),) * count, (False,) * count)
