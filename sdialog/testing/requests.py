"""Short ways to write requests, conversations and faults in tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sdialog.core.errors import LLMError
from sdialog.llm.failures import annotated, answers, failure
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import Model
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message, Role


def request(*turns: str, system: str | None = None, key: str = "", **options: Any) -> GenerateRequest:
    """Return a request of alternating user and assistant messages, the user's first.

    Args:
        turns: their texts.
        system: text of a system message before them.
        key: the request's key.
        options: sampling options, and fields of :class:`~sdialog.llm.types.GenerateRequest`.

    Example:
        >>> [message.role for message in request("Hi", "Hello!", "How are you?", system="Be kind.").messages]
        ['system', 'user', 'assistant', 'user']
    """
    roles: tuple[Role, Role] = ("user", "assistant")
    messages = [Message("system", system)] if system is not None else []
    messages += [Message(roles[row % 2], text) for row, text in enumerate(turns)]
    fields = {name: options.pop(name) for name in list(options) if name in GenerateRequest.__dataclass_fields__}
    return GenerateRequest(tuple(messages), config=GenerateConfig.from_kwargs(options), key=key, **fields)


class Faulty(Wrapper):
    """A model that fails each request in the given ways, one after the other, before it lets it through.

    Requests are told apart by their key, so the faults each one meets do not depend on the order of calls.

    Args:
        model: the model inside.
        faults: errors of the first calls of each request; None lets that call through.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.errors import ServerError
        >>> from sdialog.core.sync import run
        >>> model = Faulty(ScriptedModel(["Hi"]), [ServerError("HTTP 503")])
        >>> [run(model.generate([request("Hello", key="a")]))[0].text for _ in range(2)]
        ['', 'Hi']
    """

    def __init__(self, model: Model, faults: Sequence[LLMError | None]) -> None:
        super().__init__(model)
        self.faults = list(faults)
        self.calls: Counter[str] = Counter()

    @property
    def features(self) -> frozenset[str]:
        """What the model inside can do, without streaming."""
        return self.inner.features - {"stream"}

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request, or fail it if its turn has come."""
        results = []
        for asked in requests:
            turn = self.calls[asked.key]
            self.calls[asked.key] += 1
            fault = self.faults[turn] if turn < len(self.faults) else None
            results += await answers(self.inner, [asked]) if fault is None else [failure(annotated(fault))]
        return results
