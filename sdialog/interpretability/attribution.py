"""Direct logit attribution: what embeddings, heads, MLPs and biases each add to a logit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.labelled_arrays import Axis, LabelledArray
from sdialog.interpretability.figures.results import Shown, averaged
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._inputs import all_tokens, shown, token_id
from sdialog.interpretability.running.pairs import Progress, conversations_axis, labels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability._components import Parts

Targets = int | str | Sequence["int | str"] | Sequence[Sequence["int | str"]]
_WHY = "attribute logits"


@dataclass(frozen=True, eq=False)
class Attribution(Shown):
    """What each part adds to a logit, or to the difference of two, in each conversation and on average.

    Attributes:
        each: by conversation and component: ``embed``, ``layers.N.head.H``, ``layers.N.attention_bias`` (what
            attention adds that is of no head), ``layers.N.mlp`` and ``final_bias`` (of the last norm and the
            unembedding, the same whatever the tokens are). Those of a conversation sum to its logit up to rounding.
        logits: what the model gave in each; where a family bounds its logits, before that.
        layers_and_heads: how many of both.
        tokens: texts of the token, and of the other where a difference was asked for, of the first conversation.
        positions: in each conversation, of the token whose next one is meant.
        neurons: by layer and neuron, if asked for, the mean over conversations; with the bias of the last projection
            they are the MLPs.
    """

    each: LabelledArray = field(repr=False)
    logits: LabelledArray
    layers_and_heads: tuple[int, int]
    tokens: tuple[str, ...]
    positions: tuple[int, ...]
    neurons: LabelledArray | None = field(default=None, repr=False)

    @cached_property
    def components(self) -> LabelledArray:
        """All parts in one row, by name, the mean over conversations with 95 % intervals over dialogs."""
        return averaged(self.each)

    @cached_property
    def heads(self) -> LabelledArray:
        """By layer and head, the mean over conversations with intervals."""
        layers, heads = self.layers_and_heads
        names = [f"layers.{layer}.head.{head}" for layer in range(layers) for head in range(heads)]
        axes = {"layer": _numbers(layers), "head": _numbers(heads)}
        return averaged(self._picked(names, **axes))

    @cached_property
    def mlps(self) -> LabelledArray:
        """By layer, biases of MLPs included."""
        return self._by_layer("mlp")

    @cached_property
    def attention_biases(self) -> LabelledArray:
        """By layer, what attention adds that is of no head."""
        return self._by_layer("attention_bias")

    @property
    def embed(self) -> float:
        """Of the embeddings."""
        return float(self.components.at(component="embed"))

    @property
    def final_bias(self) -> float:
        """Of the last norm and the unembedding."""
        return float(self.components.at(component="final_bias"))

    @property
    def logit(self) -> float:
        """What the model gave, the mean over conversations."""
        return float(self.logits.values.mean())

    @property
    def position(self) -> int:
        """Of the token whose next one is meant, in the first conversation."""
        return self.positions[0]

    @cached_property
    def layers(self) -> LabelledArray:
        """The sum of heads, biases and MLP of each layer."""
        numpy = need("numpy", extra="local", why=_WHY)
        sums = [
            self.each.values[:, [name.startswith(f"layers.{layer}.") for name in self.each.axes[1].labels]].sum(1)
            for layer in range(self.layers_and_heads[0])
        ]
        axes = (self.each.axes[0], Axis("layer", tuple(_numbers(len(sums)))))
        return averaged(replace(self.each, values=numpy.stack(sums, axis=1), axes=axes))

    @property
    def error(self) -> float:
        """By how much the parts miss the logit, from rounding; the largest of all conversations."""
        return float(abs(self.each.values.sum(axis=1) - self.logits.values).max())

    def json(self) -> dict[str, Any]:
        """Return a plain dict; see ``docs/interpretability/results.md``."""
        return {
            "kind": "direct logit attribution",
            "model": self.each.model,
            "metric": self.each.metric,
            "tokens": list(self.tokens),
            "position": self.position,
            "conversations": self.each.shape[0],
            "logit": self.logit,
            "error": self.error,
            "embed": self.embed,
            "final_bias": self.final_bias,
            "heads": self.heads.json(),
            "mlps": self.mlps.json(),
            "attention_biases": self.attention_biases.json(),
            "neurons": None if self.neurons is None else self.neurons.json(),
            "each": self.each.json(),
            "logits": self.logits.json(),
        }

    def table(self, rows: int = 20) -> str:
        """Return the strongest parts as a Markdown table."""
        told = f"{self.each.metric}: {self.logit:.3f}; parts miss it by {self.error:.2g}"
        return f"{self.components.table(rows)}\n\n{told}"

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of heads.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.heads.plot()

    def _by_layer(self, part: str) -> LabelledArray:
        layers = self.layers_and_heads[0]
        return averaged(self._picked([f"layers.{layer}.{part}" for layer in range(layers)], layer=_numbers(layers)))

    def _picked(self, names: Sequence[str], **axes: Sequence[str]) -> LabelledArray:
        """Return components of each conversation on axes of their own."""
        places = [self.each.axes[1].labels.index(name) for name in names]
        shape = (self.each.shape[0], *(len(labels) for labels in axes.values()))
        named = tuple(Axis(name, tuple(labels)) for name, labels in axes.items())
        return replace(self.each, values=self.each.values[:, places].reshape(shape), axes=(self.each.axes[0], *named))


def _numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def direct_logit_attribution(
    source: Any,
    given: Any,
    position: int = -1,
    tokens: Targets = (),
    *,
    neurons: bool = False,
    groups: Sequence[Hashable] | None = None,
    speaker: str | None = None,
    system: str | None = None,
    progress: Progress | None = None,
) -> Attribution:
    """Split a logit, or a difference of two, into what each part of the model adds to it directly.

    The residual stream is a sum, and with the scale s of the last norm held, logits are a linear function of it: the
    part c adds ``(W_U[y] - W_U[y']) @ (gamma * c) / s`` (Elhage et al., 2021). Norms between attention or MLP and the
    stream are held, too. What a part does by way of later parts is counted there.

    Args:
        source: an agent, a model, its name, or a network.
        given: a conversation (dialog, messages, rendering, text or token ids), or a list of them.
        position: of the token whose next one is meant; from the end below 0.
        tokens: the next token by id or text, or a pair: the difference of its logit to that of another. A difference
            leaves out what raises all logits alike. Or a list of these, one for each conversation.
        neurons: tell those of the neurons, too.
        groups: of several conversations, the dialog of each: those of one belong together in intervals. Default:
            dialogs with the same id.
        speaker: of a dialog: who the model plays.
        system: of a dialog: the system prompt of the speaker.
        progress: called with how many conversations are done, of how many.

    Raises:
        UserError: if a token is not one, there are more than two, or the position does not exist.

    Example:
        >>> from sdialog.llm.types import Message
        >>> found = direct_logit_attribution("embedded:mini", [Message("user", "Hello!")], tokens=("Hello", "You"))
        >>> found.heads.shape, found.error < 1e-4
        ((4, 6), True)
    """
    from sdialog.interpretability._components import parts_of

    network = network_of(source)
    numpy = need("numpy", extra="local", why=_WHY)
    conversations, _ = all_tokens(network, given, speaker=speaker, system=system)
    asked = _asked(tokens, len(conversations))
    places = [read.position(position) for read in conversations]
    rows, logits, units, names, texts = [], [], [], list[str](), tuple[str, ...]()
    sizes = (0, 0)
    for number, (read, place, wanted) in enumerate(zip(conversations, places, asked, strict=True)):
        ids = [token_id(network.tokenizer, one) for one in wanted]
        parts = parts_of(network, read, place, list(zip(ids, (1.0, -1.0), strict=False)), neurons)
        found = _named(parts)
        rows.append(list(found.values()))
        logits.append(parts.logit)
        units.append(None if parts.neurons is None else parts.neurons.numpy())
        if number == 0:
            names, texts = list(found), tuple(shown(network.tokenizer, one) for one in ids)
            sizes = (int(parts.heads.shape[0]), int(parts.heads.shape[1]))
        if progress is not None:
            progress(number + 1, len(conversations))
    name = f"logit of {texts[0]!r}" + (f" above that of {texts[1]!r}" if len(texts) > 1 else "")
    if len({tuple(one) for one in asked}) > 1:
        name += f", and its like in each of {len(asked)}"
    facts: dict[str, Any] = {"metric": name, "model": network.name}
    first = conversations_axis("conversation", dict(enumerate(labels_of(given))), groups, len(asked))
    return Attribution(
        replace(LabelledArray.of(rows, name, conversation=first, component=names), **facts),
        replace(LabelledArray.of(logits, name, conversation=first), **facts),
        sizes,
        texts,
        tuple(places),
        _neurons(numpy.mean(units, axis=0), name, facts) if neurons else None,
    )


def _asked(tokens: Any, count: int) -> list[list[int | str]]:
    """Return the token or pair of each conversation.

    Raises:
        UserError: if it is neither, or there are not as many as conversations.
    """
    given: list[Any] = [tokens] if isinstance(tokens, (int, str)) else list(tokens)
    several = bool(given) and not any(isinstance(one, (int, str)) for one in given)
    found: list[list[int | str]] = [list(one) for one in given] if several else [given] * count
    if len(found) != count:
        raise UserError(f"there are {len(found)} pairs of tokens for {count} conversations; give one for all or each")
    wrong = [one for one in found if len(one) not in (1, 2)]
    if wrong or len({len(one) for one in found}) > 1:
        raise UserError(f"tokens= is a next token or a pair of them, not {len(wrong[0]) if wrong else 'both'}")
    return found


def _named(parts: Parts) -> dict[str, float]:
    """Return all parts by their names."""
    found = {"embed": parts.embed}
    for layer, row in enumerate(parts.heads.tolist()):
        found |= {f"layers.{layer}.head.{head}": value for head, value in enumerate(row)}
        found[f"layers.{layer}.attention_bias"] = float(parts.attention_biases[layer])
        found[f"layers.{layer}.mlp"] = float(parts.mlps[layer])
    return found | {"final_bias": parts.final_bias}


def _neurons(values: NDArray[Any], name: str, facts: dict[str, Any]) -> LabelledArray:
    layers, count = values.shape
    return replace(LabelledArray.of(values, name, layer=_numbers(layers), neuron=_numbers(count)), **facts)
