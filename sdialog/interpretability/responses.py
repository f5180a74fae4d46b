"""What an inspector saw of each reply, token by token."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.running.traces import Capture, ReplyTokens

LOGITS = "logits"
TopK = list[tuple[str, float, int]]


@dataclass(frozen=True, eq=False)
class Seen:
    """One call of the model as an inspector saw it.

    Attributes:
        call: the call.
        text: what the agent was given of it: the reply without thinking and tool calls.
        tokens: prompt and reply.
        captures: what was recorded, by cache key; of targets with ``*`` by site.
        logits: the largest logits, where they were asked for.
        instruction: instruction that was in force and had not been there before; None for none.
        names: the targets as they were named, by cache key.
    """

    call: ModelCall
    text: str
    tokens: ReplyTokens
    captures: Mapping[Any, Capture]
    logits: Capture | None = None
    instruction: str | None = None
    names: Mapping[Any, str] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        if self.logits is not None and self.logits.indices is not None:
            self.tokens.remember(self.logits.indices.unique().tolist())
        return self.__dict__


class InspectionToken:
    """One token with its activations and predictions.

    Attributes:
        token: as the vocabulary writes it, such as ``Ġthe``.
        token_index: its place among the tokens of its response.
        response: the response it belongs to.
        response_index: that one's place in the dialog.
        is_system_prompt: whether it belongs to the prompt.
    """

    def __init__(self, response: InspectionResponse, index: int) -> None:
        self.response, self.token_index = response, index
        self.response_index, self.is_system_prompt = response.response_index, response.is_system_prompt
        self.position = response.positions[index]
        self.token = response.seen.tokens.strings[self.position]

    @property
    def act(self) -> Any:
        """The activation at this token, of shape (1, size); with several targets the token, to be indexed by target.

        Raises:
            LookupError: if it was not recorded.
        """
        captures = self.response.seen.captures
        if len(captures) != 1:
            return self
        return self[next(iter(captures))]

    def __getitem__(self, target: Any) -> Any:
        """Return the activation of one target, by its cache key (key of the dict, place in the list) or its name."""
        captures, names = self.response.seen.captures, self.response.seen.names
        found = captures.get(target)
        if found is None:
            found = next((captures[key] for key, name in names.items() if name == target and key in captures), None)
        if found is None:
            found = next((one for one in captures.values() if one.site in (target, f"{target}:in")), None)
        if found is None:
            known = ", ".join(str(key) for key in captures) or "none"
            raise LookupError(f"there is no target {target!r}; targets are: {known}")
        return found.at(self.position)[None]

    @property
    def top_k(self) -> TopK:
        """The likeliest tokens here, with probabilities and ids, likeliest first; the token itself was one choice.

        Raises:
            UserError: of a prompt token, which nobody predicted, or if the inspector has no ``top_k``.
        """
        return self.pred

    @property
    def pred(self) -> TopK:
        """The distribution that this token was chosen from."""
        return self.response.distribution(self.position - 1)

    @property
    def next(self) -> TopK:
        """The distribution that the next token was, or would be, chosen from."""
        return self.response.distribution(self.position)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("a token cannot be iterated over; index it by a target, or use .act")

    def __str__(self) -> str:
        return self.token

    def __repr__(self) -> str:
        return f"<InspectionToken {self.token!r}, {self.token_index} of response {self.response_index}>"


class InspectionResponse:
    """A reply, or the prompt before it, as a sequence of tokens.

    Attributes:
        seen: the call of the model it comes from.
        response_index: its place among the responses of the dialog.
        is_system_prompt: whether it is the prompt.
        positions: places of its tokens in prompt and reply.
    """

    def __init__(self, seen: Seen, index: int, *, prompt: bool, agent: Any = None, inspector: Any = None) -> None:
        self.seen, self.response_index, self.is_system_prompt = seen, index, prompt
        self.agent, self.inspector = agent, inspector
        first = 0 if prompt else seen.tokens.prompt
        self.positions = range(first, seen.tokens.prompt if prompt else len(seen.tokens))

    @property
    def tokens(self) -> list[str]:
        """The tokens as the vocabulary writes them."""
        strings = self.seen.tokens.strings
        return [strings[position] for position in self.positions]

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the tokens."""
        return tuple(self.seen.tokens.ids[position] for position in self.positions)

    @property
    def text(self) -> str:
        """The tokens' text, special tokens kept; what the agent said of it is ``seen.text``."""
        return self.seen.tokens.decode(self.ids)

    @property
    def length_system_prompt(self) -> int:
        """How many tokens the prompt has."""
        return self.seen.tokens.prompt

    @property
    def response(self) -> dict[str, Any]:
        """Ids, tokens and text in a dict."""
        return {"input_ids": list(self.ids), "tokens": self.tokens, "text": self.text}

    def distribution(self, position: int) -> TopK:
        """Return the likeliest tokens after a position of prompt and reply.

        Raises:
            UserError: if the logits there were not recorded.
        """
        found = self.seen.logits
        if found is None:
            raise UserError("no logits were recorded; make the inspector with top_k, such as Inspector(..., top_k=5)")
        if position not in found.positions:
            raise UserError("nothing was predicted there: logits are recorded of generated tokens only")
        place = found.positions.index(position)
        values = found.values[place].double()
        total = values.logsumexp(-1) if found.logsumexp is None else found.logsumexp[place].double()
        shares = (values - total).exp().tolist()
        ids = list(range(len(shares))) if found.indices is None else found.indices[place].tolist()
        decode = self.seen.tokens.decode
        return sorted(
            ((decode([token]), share, token) for token, share in zip(ids, shares, strict=True)),
            key=lambda entry: -entry[1],
        )

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[InspectionToken]:
        return (InspectionToken(self, index) for index in range(len(self)))

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [InspectionToken(self, place) for place in range(len(self))[index]]
        number = _number(index, "the tokens of a response")
        place = number + len(self) if number < 0 else number
        if not 0 <= place < len(self):
            raise IndexError(f"token {number} of a response with {len(self)} tokens")
        return InspectionToken(self, place)

    def __getstate__(self) -> dict[str, Any]:
        # An agent, and what steers, may hold functions; what was seen needs neither.
        return {**self.__dict__, "agent": None, "inspector": None}

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        kind = "prompt" if self.is_system_prompt else "reply"
        return f"<InspectionResponse {self.response_index}, {kind} of {len(self)} tokens>"


class Responses(Sequence[InspectionResponse]):
    """The replies of an agent in one dialog, or the prompts before them.

    Args:
        seen: calls of the model, the last of each reply.
        prompt: show the prompts.
        agent, inspector: whose they are.
    """

    def __init__(self, seen: Sequence[Seen], *, prompt: bool, agent: Any = None, inspector: Any = None) -> None:
        self._seen, self._prompt, self._agent, self._inspector = seen, prompt, agent, inspector

    def __len__(self) -> int:
        return len(self._seen)

    def __getitem__(self, index: Any) -> Any:
        number = _number(index, "responses")
        if not self._seen:
            raise IndexError(
                "no reply was seen; let the agent speak that `agent | inspector` returns, not the one before"
            )
        place = number + len(self) if number < 0 else number
        if not 0 <= place < len(self):
            raise IndexError(f"response {number} of {len(self)}")
        return InspectionResponse(
            self._seen[place], place, prompt=self._prompt, agent=self._agent, inspector=self._inspector
        )


def _number(index: Any, what: str) -> int:
    try:
        return operator.index(index)
    except TypeError:
        raise TypeError(f"{what} are numbered; {index!r} is no number") from None
