"""Instructions known beforehand, turn by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError
from sdialog.orchestrators.base import BaseOrchestrator, orchestrators

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Instruction


@orchestrators.register("instruction_list", aliases=("InstructionListOrchestrator",))
class InstructionListOrchestrator(BaseOrchestrator):
    """Gives the agent a prepared instruction at its first, second, third ... turn.

    Args:
        instructions: a list with one instruction a turn (None for none), or a dict from turn number, counting the
            agent's own turns from 0, to instruction. In files the numbers may be strings.
        persistent: keep the instructions in the agent's memory.

    Raises:
        ConfigError: if it is neither, or a key is not a turn number.

    Example:
        >>> plan = InstructionListOrchestrator({0: "Greet.", 2: "Ask for the order number."})
        >>> plan()
        'Greet.'
    """

    blocking = False

    def __init__(
        self,
        instructions: Sequence[str | Instruction | None] | Mapping[int | str, str | Instruction | None],
        persistent: bool = False,
    ) -> None:
        super().__init__(persistent=persistent)
        if isinstance(instructions, str) or not isinstance(instructions, (Sequence, Mapping)):
            raise ConfigError(f"instructions must be a list, or a dict by turn number, not {instructions!r:.80}")
        self.instructions = instructions
        items = instructions.items() if isinstance(instructions, Mapping) else enumerate(instructions)
        self._by_turn = {_turn_number(key): instruction for key, instruction in items}

    def instruct(self, dialog: Dialog, utterance: str) -> str | Instruction | None:
        """Return the instruction of the turn that comes."""
        spoken = sum(turn.speaker == self.target_name for turn in dialog.turns or ())
        return self._by_turn.get(spoken)


def _turn_number(key: int | str) -> int:
    try:
        return int(key)
    except (TypeError, ValueError):
        raise ConfigError(f"{key!r} is not a turn number; the agent's turns count 0, 1, 2, ...") from None
