"""Attention as labelled maps: from which tokens to which, or from which turns to which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.results import Shown
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._inputs import tokens_of
from sdialog.interpretability.spans import Span


@dataclass(frozen=True, eq=False)
class AttentionMaps(Shown):
    """How much tokens attend to others.

    Attributes:
        values: axes ``layer``, ``head``, ``from`` (tokens that attend) and ``to`` (all tokens); what a token attends
            to sums to 1, or to less in families that can attend to nothing.
        positions: of the tokens that attend.
        turns: what each token belongs to, such as ``1 Ann``, ``system`` or ``template``.
    """

    values: LabelledArray
    positions: tuple[int, ...]
    turns: tuple[str, ...]

    def by_turn(self) -> LabelledArray:
        """Return how much of their attention the tokens of a turn give to each turn, on average over them."""
        numpy = need("numpy", extra="local", why="map attention")
        names = list(dict.fromkeys(self.turns))
        belongs = numpy.array([[turn == name for name in names] for turn in self.turns], dtype=float)
        asking = belongs[list(self.positions)]
        present = [place for place in range(len(names)) if asking[:, place].any()]
        mass = self.values.values @ belongs
        shares = numpy.einsum("lhqn,qm->lhmn", mass, asking[:, present]) / asking[:, present].sum(0)[:, None]
        layer, head = (axis.labels for axis in self.values.axes[:2])
        axes = {"layer": layer, "head": head, "from": [names[place] for place in present], "to": names}
        return replace(LabelledArray.of(shares, "share of attention", **axes), model=self.values.model)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "attention maps",
            "positions": list(self.positions),
            "turns": list(self.turns),
            "values": self.values.json(),
            "by_turn": self.by_turn().json(),
        }

    def table(self, rows: int = 40) -> str:
        """Return the strongest attention between turns as a Markdown table."""
        return self.by_turn().table(rows)

    def plot(self, layer: int | str = -1) -> Any:
        """Return a matplotlib figure: a map for each head of a layer.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.values.at(layer=layer).plot()


def attention_maps(
    source: Any,
    given: Any,
    layers: Iterable[int] | None = None,
    *,
    span: str | Span = "everything",
    speaker: str | None = None,
    system: str | None = None,
) -> AttentionMaps:
    """Return who attends to whom in a conversation.

    Attention says where a head looks, not what it takes from there nor whether that matters; see ``ablate``.

    Args:
        source: an agent, a model, its name, or a network.
        given: a dialog, messages, a rendering, a text or token ids.
        layers: which, from the end below 0; default all.
        span: of the tokens that attend.
        speaker: of a dialog: who the model plays.
        system: of a dialog: the system prompt of the speaker.

    Raises:
        UserError: if a layer is not there or the span means no token.

    Example:
        >>> from sdialog.llm.types import Message
        >>> found = attention_maps("embedded:mini", [Message("user", "Hello!")], [-1], span="last_prompt")
        >>> [(axis.name, len(axis)) for axis in found.by_turn().axes]
        [('layer', 1), ('head', 6), ('from', 1), ('to', 2)]
    """
    from sdialog.interpretability.anatomy.places import Anatomy
    from sdialog.interpretability.running._causal_runs import held

    network = network_of(source)
    tokens = tokens_of(network, given, speaker=speaker, system=system)
    positions = tokens.positions(span)
    anatomy = Anatomy(network)
    wanted = list(range(anatomy.layers)) if layers is None else list(layers)
    if not wanted:
        raise UserError("name at least one layer")
    places = [anatomy.place(f"layers.{layer}.pattern") for layer in wanted]
    found, _ = held(network, tokens, places)
    numpy = need("numpy", extra="local", why="map attention")
    # Tokens come first, then heads.
    maps = [found[str(place.site)][positions].transpose(0, 1).double().cpu().numpy() for place in places]
    turns = tuple(tokens.turn(place) for place in range(len(tokens)))
    axes: dict[str, Any] = {
        "layer": [str(place.site.layer) for place in places],
        "head": [str(head) for head in range(maps[0].shape[0])],
        "from": [tokens.strings[place] for place in positions],
        "to": Axis("to", tokens.strings, turns),
    }
    values = replace(LabelledArray.of(numpy.stack(maps), "attention", **axes), model=network.name)
    return AttentionMaps(values, tuple(positions), turns)
