"""Names of places in a language model that mean the same in every family of models.

With d the width of the residual stream and N the number of a layer from 0, or from the end below 0:

| name | what is there |
|---|---|
| ``embed`` | embeddings of the tokens, without those of positions |
| ``layers.N.resid_pre`` | the residual stream that enters the layer |
| ``layers.N.attn_out`` | what attention adds to the stream |
| ``layers.N.resid_mid`` | the stream with it |
| ``layers.N.mlp_out`` | what the MLP adds to the stream |
| ``layers.N.resid_post`` | the stream that leaves the layer |
| ``layers.N.mlp_pre`` | input of the MLP's activation function: the gate, where there is one |
| ``layers.N.mlp_act`` | input of the MLP's last projection; ``layers.N.mlp_act.U`` is one neuron of it |
| ``layers.N.q``, ``k``, ``v`` | queries, keys and values as attention uses them, after rotary positions |
| ``layers.N.pattern`` | attention probabilities |
| ``layers.N.z`` | what each head has gathered, before the output projection |
| ``layers.N.head.H.q`` ... ``z``, ``pattern`` | one head of these; of shared keys and values, the shared head |
| ``final_norm`` | output of the norm after the last layer |
| ``logits`` | scores of the next token, as the model returns them |

``*`` for a layer or a head stands for all. Any other name is the path of a module as ``named_modules()`` has it, with
``:in`` for its input or ``:out``, the default, for its output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from sdialog.core.errors import ConfigError

Every = Literal["*"]
Side = Literal["in", "out"]

STREAM_KINDS = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")
MLP_KINDS = ("mlp_pre", "mlp_act")
ATTENTION_KINDS = ("q", "k", "v", "pattern")
HEAD_KINDS = ("z", *ATTENTION_KINDS)
LAYER_KINDS = (*STREAM_KINDS, *MLP_KINDS, *HEAD_KINDS)
MODEL_KINDS = ("embed", "final_norm", "logits")
MODULE = "module"

_LAYER = r"layers\.(?P<layer>-?\d+|\*)"
_FORMS = [
    re.compile(rf"(?P<kind>{'|'.join(MODEL_KINDS)})"),
    re.compile(rf"{_LAYER}\.(?P<kind>{'|'.join(LAYER_KINDS)})"),
    re.compile(rf"{_LAYER}\.head\.(?P<head>\d+|\*)\.(?P<kind>{'|'.join(HEAD_KINDS)})"),
    re.compile(rf"{_LAYER}\.(?P<kind>mlp_act)\.(?P<unit>\d+)"),
]
_PATH = re.compile(r"(?P<path>[^\s:]+?)(:(?P<side>in|out))?")


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a model, by name; which model is asked only when it is looked up there.

    Attributes:
        kind: one of ``LAYER_KINDS`` or ``MODEL_KINDS``, or ``module`` for the path of a module.
        layer: number of the layer, from the end below 0, ``*`` for all; None where the kind is of the whole model.
        head: number of the head, ``*`` for each; None for all heads together.
        unit: number of the neuron; None for all together.
        path: path of the module.
        side: whether the module's input or output is meant.

    Raises:
        ConfigError: if the parts do not make a site.

    Example:
        >>> site = Site.parse("layers.-1.head.3.z")
        >>> site.kind, site.layer, site.head
        ('z', -1, 3)
        >>> Site.parse("model.layers.2.mlp:in").side
        'in'
    """

    kind: str
    layer: int | Every | None = None
    head: int | Every | None = None
    unit: int | None = None
    path: str = ""
    side: Side = "out"

    def __post_init__(self) -> None:
        why = self._fault()
        if why:
            raise ConfigError(f"not a site: {why}")

    @classmethod
    def parse(cls, name: str | Site) -> Site:
        """Read a name; a site is returned as it is.

        Raises:
            ConfigError: if the text cannot be a name: empty, with spaces, or with another ending than ``:in`` or
                ``:out``.
        """
        if isinstance(name, Site):
            return name
        if not isinstance(name, str):
            raise ConfigError(f"a site is a text such as layers.12.resid_post, not {name!r:.60}")
        for form in _FORMS:
            found = form.fullmatch(name)
            if found:
                parts = found.groupdict()
                head, unit = _number(parts.get("head")), parts.get("unit")
                return cls(parts["kind"], _number(parts.get("layer")), head, None if unit is None else int(unit))
        path = _PATH.fullmatch(name)
        if path is None:
            raise ConfigError(
                f"{name!r:.80} is not the name of a site; write such as layers.12.resid_post, layers.3.head.0.z, "
                f"logits, or the path of a module with :in or :out"
            )
        return cls(MODULE, path=path["path"], side="in" if path["side"] == "in" else "out")

    @property
    def is_path(self) -> bool:
        """Whether it is the path of a module instead of a portable name."""
        return self.kind == MODULE

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for several sites (``*``)."""
        return "*" in (self.layer, self.head)

    @property
    def in_attention(self) -> bool:
        """Whether it lies inside attention, where no module of its own is."""
        return self.kind in ATTENTION_KINDS

    def expand(self, layers: int, heads: int) -> list[Site]:
        """Return the sites that ``*`` stands for, in the order of a model with so many layers and heads."""
        all_layers: list[int | Every | None] = list(range(layers)) if self.layer == "*" else [self.layer]
        all_heads: list[int | Every | None] = list(range(heads)) if self.head == "*" else [self.head]
        return [replace(self, layer=layer, head=head) for layer in all_layers for head in all_heads]

    def __str__(self) -> str:
        if self.is_path:
            plain = self.side == "out" and not any(form.fullmatch(self.path) for form in _FORMS)
            return self.path if plain else f"{self.path}:{self.side}"
        if self.layer is None:
            return self.kind
        head = "" if self.head is None else f"head.{self.head}."
        return f"layers.{self.layer}.{head}{self.kind}{'' if self.unit is None else f'.{self.unit}'}"

    def _fault(self) -> str | None:
        if self.is_path:
            if (self.layer, self.head, self.unit) != (None, None, None) or self.side not in ("in", "out"):
                return "a path of a module has a side, and no layer, head or neuron"
            found = _PATH.fullmatch(self.path)
            if found is None or found["side"]:
                return f"{self.path!r:.80} is not the path of a module"
            return None
        if self.path or self.side != "out":
            return f"{self.kind} has no path and no side"
        if self.kind in MODEL_KINDS:
            whole = (self.layer, self.head, self.unit) == (None, None, None)
            return None if whole else f"{self.kind} is of the whole model and has no layer"
        if self.kind not in LAYER_KINDS:
            return f"unknown kind {self.kind!r:.40}; known: {', '.join((*LAYER_KINDS, *MODEL_KINDS, MODULE))}"
        return self._fault_of_numbers()

    def _fault_of_numbers(self) -> str | None:
        if self.layer is None:
            return f"{self.kind} needs the number of a layer"
        if self.head is not None and self.kind not in HEAD_KINDS:
            return f"{self.kind} has no heads"
        if self.unit is not None and self.kind != "mlp_act":
            return f"{self.kind} has no neurons; mlp_act has"
        low = [number for number in (self.head, self.unit) if isinstance(number, int) and number < 0]
        return "heads and neurons count from 0" if low else None


def _number(text: str | None) -> int | Every | None:
    if text is None:
        return None
    return "*" if text == "*" else int(text)
