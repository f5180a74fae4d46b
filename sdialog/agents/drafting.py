"""From messages to a reply: call the model, make the tool calls it asks for, let guards look at the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sdialog.agents.reply import TOOL_LOOP, EventLog, Guard
from sdialog.agents.stopping import Ending, split_stop
from sdialog.agents.thinking import Thoughts
from sdialog.agents.toolloop import ToolOutcome, run_calls, with_ids
from sdialog.llm.types import GenerateResult, Message

if TYPE_CHECKING:
    from sdialog.agents.session import Session
    from sdialog.core.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent is about to say.

    Attributes:
        text: the words, after post-processing.
        traffic: messages of the tool calls that led to them.
        finished: whether they end the conversation.
        stop_reason: ``"tool_loop"``, or None.
        rejections: names of the guards that refused an earlier draft.
    """

    text: str
    traffic: tuple[Message, ...] = ()
    finished: bool = False
    stop_reason: str | None = None
    rejections: tuple[str, ...] = ()


class Drafting:
    """The making of one reply.

    Args:
        session: who replies.
        dialog: the dialog so far, for tools and guards.
        log: where thoughts and tool calls are noted; those of refused drafts are not.
        detail: let the model see tracebacks of failed tools.
        labelled: what was heard carries speaker names, so a model may label its reply the same way; such a label of
            the speaker's own is taken off.
    """

    def __init__(self, session: Session, dialog: Dialog | None, log: EventLog, detail: bool, labelled: bool) -> None:
        self._session, self._agent = session, session.agent
        self._dialog, self._log = dialog, log
        self._detail, self._labelled = detail, labelled
        self._traffic: list[Message] = []
        self._rounds = 0

    async def run(self, messages: Sequence[Message], guards: Sequence[Guard], retries: int) -> Draft:
        """Return the reply to ``messages``."""
        session, agent = self._session, self._agent
        rejections: list[str] = []
        while True:
            last = self._rounds >= agent.max_tool_rounds
            seed = session.seed_of("call", self._rounds, "draft", len(rejections))
            specs = () if last else agent.tool_specs
            result = await session.complete([*messages, *self._traffic], specs, seed)
            thoughts = agent.thoughts(result)
            if result.tool_calls and not last:
                final = await self._make_calls(result, thoughts)
                if final is not None:
                    return replace(self._draft(split_stop(final.output)), rejections=tuple(rejections))
                continue
            draft = self._draft(self._without_label(split_stop(thoughts.text)))
            refusal = None if draft.stop_reason else self._refusal(draft, guards)
            if refusal is not None:
                rejections.append(refusal)
                if len(rejections) <= retries:
                    continue
            self._log.thought(thoughts.thinking)
            return replace(draft, rejections=tuple(rejections))

    def _draft(self, ending: Ending) -> Draft:
        text = self._agent.postprocessed(ending.text.strip())
        finished = ending.found and self._agent.can_finish
        # No words although the tool rounds are used up: the model would have gone on calling tools.
        looped = not text and not finished and 0 < self._agent.max_tool_rounds <= self._rounds
        return Draft(text, tuple(self._traffic), finished, TOOL_LOOP if looped else None)

    def _refusal(self, draft: Draft, guards: Sequence[Guard]) -> str | None:
        """Return the name of the first guard that refuses; a bare end marker says enough and needs no words."""
        if draft.finished and not draft.text:
            return None
        speaker = self._session.name
        return next((g.name for g in guards if g.check(draft.text, self._dialog, speaker) is not None), None)

    def _without_label(self, ending: Ending) -> Ending:
        text = ending.text.lstrip()
        label = f"{self._session.name}:"
        if not self._labelled or not text.startswith(label):
            return ending
        return ending._replace(text=text[len(label) :])

    def _call_ids(self) -> set[str]:
        """Return the ids of the conversation's calls; those of a turn that failed are free again, as if never made."""
        messages = (*self._session.memory, *self._traffic)
        return {made.id for message in messages for made in message.tool_calls}

    async def _make_calls(self, result: GenerateResult, thoughts: Thoughts) -> ToolOutcome | None:
        """Make the calls of one message; return the outcome that is to be the reply, if there is one."""
        session, agent, call = self._session, self._agent, self._rounds
        calls = with_ids(result.tool_calls, prefix=f"call_{session.turn}_{call}", taken=self._call_ids())
        self._log.thought(thoughts.thinking)
        try:
            with session.away():
                outcomes = await run_calls(
                    calls,
                    agent.tools_by_name,
                    lambda position: session.tool_context(self._dialog, call, position),
                    timeout=agent.tool_timeout,
                    detail=self._detail,
                )
        except BaseException:  # cancelled: the calls were made, whatever came of them
            for unanswered in calls:
                self._log.calling(unanswered)
            raise
        thinking = thoughts.thinking or None
        self._traffic.append(Message("assistant", thoughts.text, tool_calls=calls, thinking=thinking))
        for outcome in outcomes:
            self._log.called(outcome)
            self._traffic.append(outcome.message())
        self._rounds += 1
        return next((outcome for outcome in outcomes if outcome.final), None)
