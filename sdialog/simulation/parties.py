"""Who takes part in a dialog, and the record that is there before anything is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.dialog import Dialog

if TYPE_CHECKING:
    from sdialog.agents import Agent
    from sdialog.core.dialog import Context


@dataclass(frozen=True, slots=True)
class Labels:
    """What is written into a dialog beside its turns; all of it optional.

    Attributes:
        context: where and why they talk; default: the first agent's own.
        example_dialogs: examples shown to every party.
        scenario: what is recorded as the dialog's ``scenario``.
        id, parent_id, notes: recorded as they are; the id is drawn when it is None.
    """

    context: Context | str | None = None
    example_dialogs: Sequence[Dialog] | None = None
    scenario: Any = None
    id: int | str | None = None
    parent_id: int | str | None = None
    notes: Any = None


def speaker_names(given: Iterable[str | None]) -> list[str]:
    """Return a distinct speaker name for each party.

    Two unnamed parties are called "Me" and "Other", as in published dialogs; among more they are numbered. A name
    that is taken gets a number.

    Example:
        >>> speaker_names(["Ana", "Ana", None]), speaker_names([None, ""])
        (['Ana', 'Ana 2', 'Agent 3'], ['Me', 'Other'])
    """
    wanted = list(given)
    defaults = ["Me", "Other"] if len(wanted) == 2 else [f"Agent {number}" for number in range(1, len(wanted) + 1)]
    names: list[str] = []
    for name, default in zip(wanted, defaults, strict=True):
        base = (name or "").strip() or default
        taken, number = base, 2
        while taken in names:
            taken, number = f"{base} {number}", number + 1
        names.append(taken)
    return names


def blank_dialog(agents: Sequence[Agent], parties: list[str], labels: Labels, seed: int, *, logical: bool) -> Dialog:
    """Return a dialog that says all but what happens in it.

    Args:
        agents, parties: who takes part, and what each is called.
        labels: what is recorded beside the turns.
        seed: seed of the dialog.
        logical: whether its clock is a logical one, so that it must not say when it was made.
    """
    context: Any = labels.context if labels.context is not None else agents[0].context
    given: dict[str, Any] = {} if labels.id is None else {"id": labels.id}
    if logical:
        given["timestamp"] = None
    infos = [dict(agent.model_info) for agent in agents]
    return Dialog(
        **given,
        model=infos[0],
        models=dict(zip(parties, infos, strict=True)),
        seed=seed,
        parentId=labels.parent_id,
        personas={name: agent.persona or {} for name, agent in zip(parties, agents, strict=True)},
        context=context,
        scenario=labels.scenario,
        notes=labels.notes,
    )
