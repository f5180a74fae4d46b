"""Suggests replies out of a fixed stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.offload import in_thread
from sdialog.llm.prompts import render
from sdialog.orchestrators._similarity import Embedder, EmbeddingRanker, NgramRanker, Ranker, sentence_transformer, top
from sdialog.orchestrators.base import BaseOrchestrator, orchestrators

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog, Event, Instruction


@orchestrators.register("simple_response", aliases=("SimpleResponseOrchestrator",))
class SimpleResponseOrchestrator(BaseOrchestrator):
    """Suggests, out of a stock of responses, those nearest to what the agent is about to say.

    What it is about to say is found by asking the agent's model ahead of time, which costs one call a turn. With a
    ``graph`` the agent's own last turn tells instead where in the flow it stands, and the actions that follow are
    suggested. Each suggestion is logged as ``request_suggestions`` events: the text compared (``query``), the actions
    it resembles (``matched``) and those that follow them (``next``).

    Wordings: ``orchestrate/suggest_responses`` and ``orchestrate/suggest_actions``.

    Args:
        responses: a list of responses, or a dict from action name to response.
        graph: action that follows each action; only with a dict of responses.
        sbert_model: name of a sentence-transformers model to compare with; None compares words and word pieces,
            offline. A callable is taken for an embedder.
        top_k: how many to suggest at most.
        embedder: function from a list of texts to one vector each; wins over ``sbert_model``.

    Raises:
        ConfigError: if there is no response, ``top_k`` is below 1, or a graph comes with a list.
        MissingDependencyError: if ``sbert_model`` is given and the package is not installed.

    Example:
        >>> stock = SimpleResponseOrchestrator({"greet": "Hello!", "ask": "What is your order number?"},
        ...                                    graph={"greet": "ask"})
        >>> stock.suggestions("Hello there!", from_last_turn=True)
        ['ask']
    """

    blocking = False

    def __init__(
        self,
        responses: Sequence[str] | Mapping[str, str],
        graph: Mapping[str, str] | None = None,
        sbert_model: str | Embedder | None = None,
        top_k: int = 5,
        embedder: Embedder | None = None,
    ) -> None:
        super().__init__()
        if not responses or isinstance(responses, str):
            raise ConfigError(f"responses must be a list or a dict with at least one response, not {responses!r}")
        if top_k < 1:
            raise ConfigError(f"top_k must be at least 1, not {top_k}")
        if graph and not isinstance(responses, Mapping):
            raise ConfigError("a graph leads from action to action, so give the responses as a dict by action")
        self.responses, self.graph, self.sbert_model = responses, graph, sbert_model
        self.top_k, self.embedder = top_k, embedder
        self._texts = list(responses.values() if isinstance(responses, Mapping) else responses)
        self._ranker = self._make_ranker()

    def _make_ranker(self) -> Ranker:
        embedder = self.embedder
        if embedder is None and self.sbert_model is not None:
            embedder = sentence_transformer(self.sbert_model) if isinstance(self.sbert_model, str) else self.sbert_model
        return NgramRanker(self._texts) if embedder is None else EmbeddingRanker(self._texts, embedder)

    def suggestions(self, query: str, *, from_last_turn: bool = False) -> list[str]:
        """Return what fits a text, best first: actions if the responses have them, else responses.

        Args:
            query: the text to compare with.
            from_last_turn: the text is the agent's last turn, so follow the graph from it.
        """
        return self._follow(self._matches(query)) if from_last_turn else self._matches(query)

    def instruct(self, dialog: Dialog, utterance: str) -> Instruction:
        """Return the suggestions, with the events that explain them."""
        last = self._own_last_turn(dialog)
        return self._suggest(self.agent_response_lookahead() if last is None else last, last is not None)

    async def ainstruct(self, dialog: Dialog, utterance: str) -> Instruction:
        """Return the suggestions, with the events that explain them."""
        last = self._own_last_turn(dialog)
        query = await self.response_lookahead() if last is None else last
        if isinstance(self._ranker, EmbeddingRanker):  # an encoder takes its time; others need not wait for it
            return await in_thread(lambda: self._suggest(query, last is not None))
        return self._suggest(query, last is not None)

    def _own_last_turn(self, dialog: Dialog) -> str | None:
        if not self.graph:
            return None
        return next((turn.text for turn in reversed(dialog.turns or []) if turn.speaker == self.target_name), None)

    def _matches(self, query: str) -> list[str]:
        names = list(self.responses)
        return [names[at] for at in top(self._ranker.scores(query), self.top_k)]

    def _follow(self, matched: list[str]) -> list[str]:
        graph = self.graph or {}
        following = (graph[action] for action in matched if graph.get(action) in self.responses)
        return list(dict.fromkeys(following))

    def _suggest(self, query: str, from_last_turn: bool) -> Instruction:
        from sdialog.core.dialog import Instruction

        matched = self._matches(query)
        events = [self._event("query", query)]
        if not isinstance(self.responses, Mapping):
            return Instruction(text=render("orchestrate/suggest_responses", responses=matched), events=events)
        events.append(self._event("matched", matched))
        actions = matched
        if from_last_turn:
            actions = self._follow(matched)
            events.append(self._event("next", actions))
        pairs = [{"action": action, "response": self.responses[action]} for action in actions]
        text = render("orchestrate/suggest_actions", suggestions=pairs) if pairs else None
        return Instruction(text=text, events=events)

    def _event(self, label: str, content: Any) -> Event:
        from sdialog.core.dialog import Event

        # The session that logs it sets the time.
        return Event(
            agent=self.target_name, action="request_suggestions", actionLabel=label, content=content, timestamp=0
        )
