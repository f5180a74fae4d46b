"""An instruction that a condition triggers."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError
from sdialog.orchestrators.base import BaseOrchestrator, orchestrators

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Instruction


@orchestrators.register("simple_reflex", aliases=("SimpleReflexOrchestrator",))
class SimpleReflexOrchestrator(BaseOrchestrator):
    """Gives its instruction whenever the last utterance meets a condition.

    Args:
        condition: gets the other party's last utterance (``""`` if there is none) and says whether to instruct. It
            runs between two replies, so one that takes long, or asks a model, should be an ``async`` function.
        instruction: what to tell the agent.
        persistent: keep the instruction in the agent's memory.
        event_label: what its events are labelled with.

    Raises:
        ConfigError: if the condition cannot be called.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> policy = SimpleReflexOrchestrator(lambda said: "refund" in said, "Follow the refund policy.")
        >>> policy(Dialog(turns=[Turn(speaker="Ann", text="I want a refund")]))
        'Follow the refund policy.'
    """

    blocking = False

    def __init__(
        self,
        condition: Callable[[str], bool | Awaitable[bool]],
        instruction: str,
        persistent: bool = False,
        event_label: str | None = None,
    ) -> None:
        super().__init__(persistent=persistent, event_label=event_label)
        if not callable(condition):
            raise ConfigError(f"condition must be a function of the utterance, not {condition!r}")
        self.condition, self.instruction = condition, instruction

    def instruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Return the instruction if the utterance meets the condition.

        Raises:
            ConfigError: if the condition is async, which only a running conversation can await.
        """
        met = self.condition(utterance)
        if inspect.iscoroutine(met):
            met.close()
            raise ConfigError("the condition is an async function; await ainstruct(dialog, utterance) instead")
        return self.instruction if met else None

    async def ainstruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Return the instruction if the utterance meets the condition, which may be async."""
        met = self.condition(utterance)
        return self.instruction if (await met if inspect.isawaitable(met) else met) else None
