"""Conductors for a batch: whoever looks into some of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sdialog.backends._hf_chat import write
from sdialog.backends._hf_requests import Prepared, as_llm_error
from sdialog.core.errors import LLMError, UserError
from sdialog.llm.interventions import Conductor, Network, Row
from sdialog.llm.types import Message, ToolSpec

Maker = Callable[[Network, Mapping[int, Row]], Conductor]


def faults(network: Network, prepared: Mapping[int, Prepared]) -> dict[int, LLMError]:
    """Return what is wrong with the interventions of each row, such as a site that the model does not have.

    Args:
        network: the model.
        prepared: rows by index.
    """
    found: dict[int, LLMError] = {}
    for index, row in prepared.items():
        for maker in _makers({index: row}):
            try:
                maker(network, {index: _row(network, row)})
            except (LLMError, UserError) as error:
                found[index] = error if isinstance(error, LLMError) else as_llm_error(error)
    return found


def conductors(network: Network, prepared: Mapping[int, Prepared]) -> list[Conductor]:
    """Return the conductors of a batch, one for all rows that name an equal one.

    Args:
        network: the model.
        prepared: rows by the index of their jobs.
    """
    return [
        maker(network, {index: _row(network, prepared[index]) for index in indices})
        for maker, indices in _makers(prepared).items()
    ]


def _makers(prepared: Mapping[int, Prepared]) -> dict[Maker, list[int]]:
    found: dict[Maker, list[int]] = {}
    for index, row in prepared.items():
        for maker in dict.fromkeys(one.conductor() for one in row.request.interventions):
            found.setdefault(maker, []).append(index)
    return found


def _row(network: Network, prepared: Prepared) -> Row:
    request = prepared.request
    variables = request.config.extra.get("template_variables")

    def again(messages: Sequence[Message], tools: Sequence[ToolSpec], ask: bool) -> str:
        return write(network.tokenizer, messages, tools, request.think, variables, ask=ask)

    return Row(request, prepared.prompt.text, prepared.prompt.ids, again)
