"""A model reads the conversation and says who speaks next."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.seeds import derive_seed
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message
from sdialog.simulation.turn_taking.base import TURN_TAKING, Floor, TurnTaking, named_in, policies

if TYPE_CHECKING:
    from sdialog.llm.protocol import Model


@policies.register("model")
class ModelChosen(TurnTaking):
    """Asks a model for the next speaker's name.

    Small models often answer with a sentence, a number, or no name at all. So the answer is read leniently (JSON, a
    list number, or any text that names exactly one party), asked for again with the next sub-seed a bounded number
    of times, and then replaced by the next party in order; that fallback is counted as ``choice_fallback``.

    Args:
        model: name of the model to ask; default: the first party's.
        retries: how often to ask again after an unreadable answer.
        turns: how many of the latest turns to show.

    Raises:
        ConfigError: if a number is none.
    """

    def __init__(self, model: str | None = None, retries: int = 2, turns: int = 12) -> None:
        for option, value, least in (("retries", retries, 0), ("turns", turns, 1)):
            if not isinstance(value, int) or value < least:
                raise ConfigError(
                    f"{option} of the turn-taking policy is a whole number from {least} up, not {value!r}"
                )
        self.model, self.retries, self.turns = model, retries, turns

    async def next(self, floor: Floor) -> str:
        """Return the name the model chose, or the next in order."""
        names = floor.candidates(besides=floor.last)
        if floor.last is None or len(names) == 1:
            return names[0]
        model = self._model(floor)
        for attempt in range(self.retries + 1):
            result = await floor.client(model).complete(self._request(floor, names, model, attempt))
            floor.usage = floor.usage + result.usage
            choice = read_choice(result.text, names)
            if choice is not None:
                return choice
            floor.count("choice_unreadable")
        floor.count("choice_fallback")
        return floor.after(floor.last, names)

    def check(self, parties: Sequence[str]) -> None:
        """Raise unless the model's name means a model."""
        if self.model is not None:
            from sdialog.llm.get import resolve

            resolve(self.model)

    def chooser(self, floor: Floor, name: str) -> str | None:
        """Return a name for the model, which is no party."""
        return None if floor.last is None else TURN_TAKING

    def _model(self, floor: Floor) -> Model:
        if self.model is None:
            return floor.models[floor.parties[0]]
        from sdialog.llm.get import resolve

        return resolve(self.model).model

    def _request(self, floor: Floor, names: list[str], model: Model, attempt: int) -> GenerateRequest:
        listed = "\n".join(f"{number}. {name}" for number, name in enumerate(names, 1))
        talk = "\n".join(f"{turn.speaker}: {turn.text}" for turn in floor.turns[-self.turns :])
        turn = len(floor.turns)
        return GenerateRequest(
            messages=(
                Message("system", "You watch a conversation and decide who speaks next. Answer with one name."),
                Message("user", f"Conversation so far:\n{talk}\n\nWho speaks next? One of:\n{listed}"),
            ),
            config=GenerateConfig(
                temperature=0.0 if attempt == 0 else 0.7,
                max_tokens=32,
                seed=derive_seed(floor.seed, "choice", turn, "attempt", attempt),
            ),
            schema=_schema(names) if "schema" in model.features else None,
            key=f"{floor.dialog.id}/{TURN_TAKING}",
        )


def _schema(names: list[str]) -> dict[str, Any]:
    speaker = {"type": "string", "enum": names}
    return {
        "type": "object",
        "properties": {"speaker": speaker},
        "required": ["speaker"],
        "additionalProperties": False,
    }


def read_choice(answer: str, names: list[str]) -> str | None:
    """Read a name out of a model's answer.

    Args:
        answer: what the model said.
        names: whom it could choose.

    Returns:
        The one chosen, or None if the answer names nobody or several.

    Example:
        >>> read_choice("I think Ben should reply.", ["Ana", "Ben"]), read_choice("2", ["Ana", "Ben"])
        ('Ben', 'Ben')
        >>> read_choice("Ana or Ben", ["Ana", "Ben"]) is None
        True
    """
    found = re.search(r"\{.*\}", answer, re.DOTALL)
    if found:
        try:
            data = json.loads(found.group())
        except ValueError:
            data = None
        if isinstance(data, dict):
            answer = " ".join(str(value) for value in data.values())
    named = named_in(answer, names, prose=False)
    if len(named) == 1:
        return named[0]
    number = re.fullmatch(r"\W*(\d+)\W*", answer)
    if not named and number and 1 <= int(number.group(1)) <= len(names):
        return names[int(number.group(1)) - 1]
    return None
