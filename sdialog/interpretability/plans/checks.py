"""What is wrong with edits of a model, told before anything runs: sites, sizes, order, spans that mean nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.plan import Edit, Plan
from sdialog.interpretability.plans.schedules import Anywhere
from sdialog.interpretability.tokens.expressions import Span
from sdialog.interpretability.tokens.rendering import Rendering
from sdialog.interpretability.tokens.selectors import NEVER
from sdialog.llm.interventions import Network, Row
from sdialog.llm.types import GenerateRequest, Message

if TYPE_CHECKING:
    from sdialog.agents.inspection import Scene

_BY_TEXT = {"regex", "words", "characters", "part", "special", "message"}
_MOST_SAMPLED = 16


def check_edits(network: Network, edits: Sequence[Edit], scene: Scene) -> None:
    """Refuse edits that can never be made in the dialogs of a scene.

    Args:
        network: the model.
        edits: the edits.
        scene: who talks, and for how long at most.

    Raises:
        UserError: if the model has no such site, a vector has not its size, a condition is read too late, or a span
            means no token of any dialog, or is known only when the reply is whole.
    """
    for edit in edits:
        for span in (edit.span, *([edit.condition.span] if edit.condition else [])):
            check_span(Span.parse(span), scene, network.tokenizer)
    _dry_run(network, edits, scene)


def check_read(network: Network, site: str, width: int, span: str | Span, scene: Scene) -> None:
    """Refuse a reading that can never be taken in the dialogs of a scene.

    Args:
        network: the model.
        site: where it is read.
        width: how many numbers what reads it takes.
        span: of which tokens.
        scene: who talks, and for how long at most.

    Raises:
        UserError: if the model has no such site or activations of another size there, or the span means no token.
    """
    from sdialog.interpretability.running._replaying import Replayer

    shapes = Replayer(network, [site]).shapes
    if len(shapes) > 1:
        raise ConfigError(f"a reading is of one site; {site} stands for {len(shapes)}")
    size = math.prod(next(iter(shapes.values())))
    if size != width:
        raise ConfigError(f"activations at {site} are {size} numbers; what is to read them takes {width}")
    check_span(Span.parse(span), scene, network.tokenizer)


def check_span(span: Span, scene: Scene, tokenizer: Any = None) -> None:
    """Refuse a span that means no token in any dialog of a scene, as far as that can be told.

    Args:
        span: the span.
        scene: who talks, and for how long at most.
        tokenizer: makes a sample dialog; without a chat template, only names and numbers are looked at.

    Raises:
        UserError: if nothing can be meant.
    """
    picks = list(_picks(span))
    for name, arguments in picks:
        if name == "speaker" and scene.speakers is not None and arguments[0] not in scene.speakers:
            raise UnknownNameError("speaker", str(arguments[0]), scene.speakers, f"(in the span {str(span)!r})")
        if name == "role" and arguments[0] == "tool" and not scene.agent.tools:
            raise ConfigError(f"the span {str(span)!r} means no token: this agent has no tools")
        if name == "turn" and not -scene.turns <= int(arguments[0]) < scene.turns:
            raise ConfigError(
                f"the span {str(span)!r} means no token: dialogs end after {scene.turns} turns, and turn("
                f"{arguments[0]}) is none of them"
            )
    told = all(name not in _BY_TEXT and arguments != ("tool",) for name, arguments in picks)
    if told and "[" not in str(span) and span.state is NEVER and getattr(tokenizer, "chat_template", None):
        turns = max([2, *(abs(int(args[0])) + 1 for name, args in picks if name == "turn")])
        sample = Rendering.from_messages(tokenizer, _sample(scene, turns), speaker=scene.speaker)
        if turns <= _MOST_SAMPLED and not any(span.mask(sample)):
            raise ConfigError(f"the span {str(span)!r} means no token, whatever is said; it contradicts itself")


def _picks(span: Span) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Yield name and arguments of each selector in an expression."""
    held = {field.name: getattr(span, field.name) for field in fields(span)}  # type: ignore[arg-type]
    if "arguments" in held:
        yield held["name"], held["arguments"]
    for part in held.values():
        if isinstance(part, Span):
            yield from _picks(part)


def _sample(scene: Scene, turns: int) -> list[Message]:
    """Return a conversation in which everybody speaks: the prompt of one of the agent's replies."""
    others = [name for name in scene.speakers or ("Somebody",) if name != scene.speaker] or ["Somebody"]
    said = "What is said here stands for what may be said."
    messages = [Message("system", said)]
    for number in range(max(turns, 2 * len(others)) | 1):  # an odd number: the last is not the agent's
        own = number % 2 == 1
        speaker = scene.speaker if own else others[number // 2 % len(others)]
        messages.append(Message("assistant" if own else "user", said, name=speaker))
    return messages


def _dry_run(network: Network, edits: Sequence[Edit], scene: Scene) -> None:
    """Have the edits prepared for a sample prompt, as a backend does before the first call of the model."""
    from sdialog.interpretability.running._conducting import PlanConductor

    messages = _sample(scene, 2)
    try:
        rendering = Rendering.from_messages(network.tokenizer, messages, speaker=scene.speaker)
        text, ids = rendering.text, rendering.ids
    except UserError:  # no template of its own: who says what is not known, but sites and sizes are
        text = messages[-1].content
        ids = tuple(network.tokenizer(text)["input_ids"])
        edits = [edit for edit in edits if str(edit.span) in ("everything", "choices", "generated", "prompt")]
    row = Row(GenerateRequest(tuple(messages)), text, ids)
    lenient = [replace(edit, span=Anywhere(Span.parse(edit.span))) for edit in edits]
    plan = Plan(edits=lenient, speaker=scene.speaker, feed_last=False)
    network.call(lambda: PlanConductor(network, {0: row}, {0: [plan]}))
