"""Why a dialog ended: the words that ``Dialog.stopReason`` may hold."""

from __future__ import annotations

from typing import Final

AGENT_STOP: Final = "agent_stop"
MAX_TURNS: Final = "max_turns"
REPETITION: Final = "repetition"
GOODBYE_LOOP: Final = "goodbye_loop"
EMPTY_REPLY: Final = "empty_reply"
TOOL_LOOP: Final = "tool_loop"
BUDGET: Final = "budget"
ERROR: Final = "error"
CANCELLED: Final = "cancelled"
TIMEOUT: Final = "timeout"

STOP_REASONS: Final[dict[str, str]] = {
    AGENT_STOP: "a party ended the conversation; the only reason with which a dialog is complete",
    MAX_TURNS: "the limit of turns was reached while two or more parties were still there",
    REPETITION: "a party went round in circles: the same utterances, or the same words within one",
    GOODBYE_LOOP: "the parties kept saying goodbye without ending",
    EMPTY_REPLY: "a party said nothing, also when asked again",
    TOOL_LOOP: "a party kept calling tools until its rounds ran out, and then said nothing",
    BUDGET: "the run's budget of calls, tokens or money was used up",
    ERROR: "a model call failed",
    CANCELLED: "the caller stopped it",
    TIMEOUT: "a party took longer for a turn than the limit allows",
}
"""Every stop reason with its meaning."""
