"""The pass over one whole reply that nothing else in a batch can touch."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import torch

from sdialog.interpretability.running._conducting import PlanConductor
from sdialog.interpretability.running.traces import Capture, ReplyTokens
from sdialog.llm.interventions import Network, Row, RowSpan

if TYPE_CHECKING:
    from sdialog.llm.types import GenerateRequest


def captured_alone(network: Network, request: GenerateRequest, tokens: ReplyTokens, length: int) -> dict[str, Capture]:
    """Return what a request's plans record of a reply in one pass: one row, the whole sequence, no cache.

    Edits are made as they were while the reply was written.

    Args:
        network: the model.
        request: what was asked.
        tokens: prompt and reply.
        length: how many of the tokens pass.
    """
    row = Row(request, tokens.text, tokens.ids[: tokens.prompt], tokens.write)

    def run() -> dict[str, Capture]:
        makers = dict.fromkeys(one.conductor() for one in request.interventions)
        made = [maker(network, {0: row}) for maker in makers]
        ids = torch.tensor([list(tokens.ids[:length])], device=network.model.device)
        with torch.no_grad(), ExitStack() as stack:
            for conductor in made:
                stack.enter_context(conductor.around([RowSpan(0, 0, 0, 0, tokens.prompt, length, 0)]))
            network.model(input_ids=ids, use_cache=False)
        found: dict[str, Capture] = {}
        for conductor in made:
            if isinstance(conductor, PlanConductor):  # others are told of replies by the backend alone
                found |= conductor.finish(0, tokens.reply)
        return found

    return network.call(run)  # type: ignore[no-any-return]
