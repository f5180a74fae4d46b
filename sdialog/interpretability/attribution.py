"""Direct logit attribution: what embeddings, heads, MLPs and biases each add to a logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sdialog.core.errors import UserError
from sdialog.interpretability.figures.labelled_arrays import LabelledArray
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._inputs import shown, token_id, tokens_of


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each part adds to a logit, or to the difference of two.

    Attributes:
        heads: by layer and head.
        mlps: by layer.
        embed: of the embeddings.
        attention_biases: by layer, of what attention adds that is of no head.
        final_bias: of the last norm and the unembedding, the same whatever the tokens are.
        logit: what the model gave; where a family bounds its logits, before that.
        neurons: by layer and neuron, if asked for; with the bias of the last projection they are the MLPs.
        tokens: texts of the token, and of the other where a difference was asked for.
        position: of the token whose next one is meant.
    """

    heads: LabelledArray
    mlps: LabelledArray
    embed: float
    attention_biases: LabelledArray
    final_bias: float
    logit: float
    tokens: tuple[str, ...]
    position: int
    neurons: LabelledArray | None = field(default=None, repr=False)

    @property
    def components(self) -> LabelledArray:
        """All parts in one row, by name; they sum to the logit up to rounding."""
        parts = {"embed": self.embed}
        for layer in range(len(self.mlps.axes[0])):
            for head in range(len(self.heads.axes[1])):
                parts[f"layers.{layer}.head.{head}"] = self.heads.at(layer=layer, head=head)
            parts[f"layers.{layer}.attention_bias"] = self.attention_biases.at(layer=layer)
            parts[f"layers.{layer}.mlp"] = self.mlps.at(layer=layer)
        parts["final_bias"] = self.final_bias
        return LabelledArray.of(list(parts.values()), self._name, component=list(parts))

    @property
    def layers(self) -> LabelledArray:
        """The sum of heads, biases and MLP of each layer."""
        values = self.heads.values.sum(axis=1) + self.attention_biases.values + self.mlps.values
        return LabelledArray(values, self.mlps.axes, self._name)

    @property
    def error(self) -> float:
        """By how much the parts miss the logit, from rounding."""
        return abs(float(self.components.values.sum()) - self.logit)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "kind": "direct logit attribution",
            "tokens": list(self.tokens),
            "position": self.position,
            "logit": self.logit,
            "error": self.error,
            "embed": self.embed,
            "final_bias": self.final_bias,
            "heads": self.heads.json(),
            "mlps": self.mlps.json(),
            "attention_biases": self.attention_biases.json(),
            "neurons": None if self.neurons is None else self.neurons.json(),
        }

    def table(self, rows: int = 20) -> str:
        """Return the largest parts as a Markdown table."""
        return f"{self.components.table(rows)}\n\n{self._name}: {self.logit:.3f}; parts miss it by {self.error:.2g}"

    def plot(self) -> Any:
        """Return a matplotlib figure: a heat map of heads.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        return self.heads.plot()

    @property
    def _name(self) -> str:
        return self.heads.name


def direct_logit_attribution(
    source: Any,
    given: Any,
    position: int = -1,
    tokens: int | str | Sequence[int | str] = (),
    *,
    neurons: bool = False,
    speaker: str | None = None,
    system: str | None = None,
) -> Attribution:
    """Split a logit, or a difference of two, into what each part of the model adds to it directly.

    The residual stream is a sum, and with the scale s of the last norm held, logits are a linear function of it: the
    part c adds ``(W_U[y] - W_U[y']) @ (gamma * c) / s`` (Elhage et al., 2021). Norms between attention or MLP and the
    stream are held, too. What a part does by way of later parts is counted there.

    Args:
        source: an agent, a model, its name, or a network.
        given: a dialog, messages, a rendering, a text or token ids.
        position: of the token whose next one is meant; from the end below 0.
        tokens: the next token by id or text, or a pair: the difference of its logit to that of another. A difference
            leaves out what raises all logits alike.
        neurons: tell those of the neurons, too.
        speaker: of a dialog: who the model plays.
        system: of a dialog: the system prompt of the speaker.

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
    read = tokens_of(network, given, speaker=speaker, system=system)
    asked = [tokens] if isinstance(tokens, (int, str)) else list(tokens)
    if len(asked) not in (1, 2):
        raise UserError(f"tokens= is a next token or a pair of them, not {len(asked)}")
    ids = [token_id(network.tokenizer, one) for one in asked]
    place = read.position(position)
    parts = parts_of(network, read, place, list(zip(ids, (1.0, -1.0), strict=False)), neurons)
    texts = tuple(shown(network.tokenizer, one) for one in ids)
    name = f"logit of {texts[0]!r}" + (f" above that of {texts[1]!r}" if len(texts) > 1 else "")
    layers = [str(layer) for layer in range(len(parts.mlps))]
    units = None
    if parts.neurons is not None:
        numbers = [str(unit) for unit in range(parts.neurons.shape[1])]
        units = LabelledArray.of(parts.neurons, name, layer=layers, neuron=numbers)
    heads = [str(head) for head in range(parts.heads.shape[1])]
    return Attribution(
        LabelledArray.of(parts.heads, name, layer=layers, head=heads),
        LabelledArray.of(parts.mlps, name, layer=layers),
        parts.embed,
        LabelledArray.of(parts.attention_biases, name, layer=layers),
        parts.final_bias,
        parts.logit,
        texts,
        place,
        units,
    )
