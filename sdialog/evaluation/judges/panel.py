"""Several judges that decide together."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.sync import run
from sdialog.evaluation.base import BaseDialogScore, Measured
from sdialog.evaluation.judges.base import BaseLLMJudge, own_scoring
from sdialog.evaluation.judges.votes import Vote, check_combine, combined

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.base import Scoring


class JudgePanel(BaseDialogScore):
    """Several judges, usually one question put to different models, and what they come to (Verga et al., 2024).

    A judge that fails does not count. Where half of the others or more have no verdict, the panel has none, nor has it
    one where a majority is asked for and there is none.

    Args:
        judges: the judges, or any other scores.
        combine: ``majority``, ``mean`` or ``median`` of their values.
        name: what it is called in tables.

    Raises:
        ConfigError: if there are no judges, or something else is among them.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.evaluation.judges.yes_no import LLMJudgeYesNo
        >>> models = [ScriptedModel([f'{{"positive": {verdict}}}']) for verdict in ("true", "false", "true")]
        >>> panel = JudgePanel([LLMJudgeYesNo("Is Ann polite?", model=model) for model in models])
        >>> panel(Dialog(turns=[Turn(speaker="Ann", text="Good morning!")]))
        1
    """

    awaits = True

    def __init__(
        self, judges: Sequence[BaseDialogScore], combine: str = "majority", *, name: str | None = None
    ) -> None:
        super().__init__(name or "judge-panel")
        if isinstance(judges, BaseDialogScore):
            raise ConfigError(f"a panel is made of a list of judges, and {judges.name} is one judge")
        self._judges = list(judges)
        wrong = next((judge for judge in self._judges if not isinstance(judge, BaseDialogScore)), None)
        if not self._judges or wrong is not None:
            said = f"{type(wrong).__name__} is none" if self._judges else "there are none"
            raise ConfigError(f"a panel is made of judges, and {said}")
        self.combine = check_combine(combine)

    @property
    def judges(self) -> list[BaseDialogScore]:
        """The judges."""
        return list(self._judges)

    def judge(self, dialog: Dialog) -> Measured:
        """Return the verdict of the panel, with the votes as details.

        Raises:
            LLMError: if no judge could be asked.
        """
        return run(self.measure(dialog, own_scoring()))

    def score(self, dialog: Dialog) -> Any:
        """Return the value of the verdict, None where there is none."""
        return self.judge(dialog).value

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        """Return the verdict of the panel, with the votes as details."""
        votes = await asyncio.gather(*(_vote(judge, dialog, scoring) for judge in self._judges))
        return combined(votes, self.combine)

    def with_seed(self, seed: int) -> Self:
        """Return the same panel with another seed for the models."""
        twin = copy.copy(self)
        twin._judges = [
            judge.with_seed(seed) if isinstance(judge, (BaseLLMJudge, JudgePanel)) else judge for judge in self._judges
        ]
        return twin

    def identity(self) -> dict[str, Any] | None:
        """Return the identities of the judges; None if one has none."""
        known = [judge.identity() for judge in self._judges]
        own = super().identity()
        return None if own is None or None in known else {**own, "judges": known}


async def _vote(judge: BaseDialogScore, dialog: Dialog, scoring: Scoring) -> Vote:
    about = {"judge": judge.name, "model": getattr(judge, "model_name", None)}
    try:
        found = await judge.measure(dialog, scoring)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a judge that fails is a vote that failed, as in a batch
        return Vote(failure=error, details=about)
    refused = bool(found.details.get("refusal"))
    return Vote(found.value, found.reason, refused, details={**about, **_own(found)}, usage=found.usage)


def _own(found: Measured) -> dict[str, Any]:
    return {name: found.details[name] for name in ("evidence", "unverified", "distribution") if name in found.details}
