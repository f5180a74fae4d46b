"""Conductors for a batch: whoever looks into some of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sdialog.backends._hf_chat import write
from sdialog.backends._hf_requests import Prepared, as_llm_error
from sdialog.core.errors import ConfigError, LLMError, UserError
from sdialog.llm.interventions import Conductor, Network, Row
from sdialog.llm.types import Message, ToolSpec

Maker = Callable[[Network, Mapping[int, Row]], Conductor]


def conductors(network: Network, prepared: Mapping[int, Prepared]) -> tuple[list[Conductor], dict[int, LLMError]]:
    """Return the conductors of a batch, one for all rows that name an equal one, and what is wrong with single rows.

    Args:
        network: the model.
        prepared: rows by the index of their jobs.

    Returns:
        The conductors; and by row why it cannot run, such as a site that the model does not have. If there are such
        rows, there are no conductors: they are to be asked for again without these rows.
    """
    made: list[Conductor] = []
    wrong: dict[int, LLMError] = {}
    for maker, indices in _makers(prepared).items():
        try:
            made.append(maker(network, {index: _row(network, prepared[index]) for index in indices}))
        except (LLMError, UserError):
            wrong |= _faults(network, maker, {index: prepared[index] for index in indices})
    return ([], wrong) if wrong else (made, {})


def _faults(network: Network, maker: Maker, prepared: Mapping[int, Prepared]) -> dict[int, LLMError]:
    found: dict[int, LLMError] = {}
    for index, row in prepared.items():
        try:
            maker(network, {index: _row(network, row)})
        except (LLMError, UserError) as error:
            found[index] = error if isinstance(error, LLMError) else as_llm_error(error)
    if not found:
        raise ConfigError("interventions that fit one by one do not fit together")
    return found


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
