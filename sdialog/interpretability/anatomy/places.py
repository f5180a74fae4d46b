"""Where a site is in a given model: which module, which side of it, and which part of the tensor there."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError
from sdialog.interpretability.anatomy.families import Family, families
from sdialog.interpretability.sites import LAYER_KINDS, MODEL_KINDS, STREAM_KINDS, Side, Site
from sdialog.llm.interventions import Network

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class View:
    """Part of a tensor: first a range of the last axis, then that cut into heads, then one head.

    Attributes:
        low, high: range of the last axis; None for all of it.
        split: into how many heads the last axis is cut; 0 leaves it.
        head: which head; None for all.
        head_axis: axis of the heads.
    """

    low: int | None = None
    high: int | None = None
    split: int = 0
    head: int | None = None
    head_axis: int = 2

    def take(self, whole: Tensor) -> Tensor:
        """Return the part, sharing memory with the tensor."""
        part = whole if self.low is None and self.high is None else whole[..., self.low : self.high]
        part = part.unflatten(-1, (self.split, -1)) if self.split else part
        return part if self.head is None else part.select(self.head_axis, self.head)

    def put(self, whole: Tensor, part: Tensor) -> Tensor:
        """Return a new tensor in which the part is another; the given one stays as it is."""
        if self.is_whole:
            return part
        if self == View(split=self.split):
            return part.flatten(-2)
        changed = whole.clone()
        self.take(changed).copy_(part)
        return changed

    @property
    def is_whole(self) -> bool:
        """Whether the part is the tensor itself."""
        return (self.low, self.high, self.split, self.head) == (None, None, 0, None)


@dataclass(frozen=True, eq=False)
class Place:
    """A site in a model.

    Attributes:
        site: the site, with numbers from 0.
        path: path of the module.
        module: the module; of ``q``, ``k``, ``v`` and ``pattern`` the attention in which they are.
        side: whether it is in the module's input or output; without meaning inside attention.
        view: which part of the tensor.
        argument: of the input: name of the argument, which may come by position, as the first.
        element: of an output with several parts: name of the part; None for the first.
        width: length of the last axis; None where only a call shows it.
        added: of ``resid_mid``: where an edit is made, as a change of what attention adds to the stream. An edit of
            what is read here would reach the MLP alone and not the stream.
        entering: of ``resid_mid``: where the stream is seen to which that is added.
    """

    site: Site
    path: str
    module: Any
    side: Side = "out"
    view: View = View()
    argument: str = ""
    element: str | None = None
    width: int | None = None
    added: Place | None = None
    entering: Place | None = None


class Anatomy:
    """The parts of a model, found once for many sites.

    Args:
        model: a causal language model of transformers, or the network that holds it.

    Attributes:
        model: the model.
        modules: its modules by path.
        family: paths of its parts; None if nobody has told them.
        model_type: name of the family.
        layers, heads, key_heads, head_width, width: number of layers, of query heads, of heads that keys and values
            have; length of a head, and of the residual stream; 0 without a family.

    Raises:
        UnsupportedFeatureError: if hooks would not be reliable: no torch model, a compiled or a quantised one.
    """

    def __init__(self, model: Any) -> None:
        self.model = torch_model(model)
        self.modules: Mapping[str, Any] = dict(self.model.named_modules())
        _refuse_compiled(self.modules)
        _refuse_quantised(self.model)
        config = self.model.config.get_text_config(decoder=True)
        self.model_type = str(config.model_type)
        self.family: Family | None = families.get(self.model_type) if self.model_type in families else None
        self.layers = self.heads = self.key_heads = self.head_width = self.width = 0
        self.parallel = False
        if self.family is not None:
            self.layers = len(self._module(self.family.layers, "layers"))
            self.heads = config.num_attention_heads
            self.key_heads = getattr(config, "num_key_value_heads", None) or self.heads
            self.width = config.hidden_size
            self.head_width = _inputs(self.part(0, self.family.projection)) // self.heads
            switch = self.family.parallel
            self.parallel = bool(getattr(config, switch)) if isinstance(switch, str) else switch

    def part(self, layer: int, path: str) -> Any:
        """Return a module of a layer by its path in the layer; an empty path is the layer."""
        return self._module(self.path(layer, path), path or "layer")

    def path(self, layer: int, path: str = "") -> str:
        """Return the path from the top of the model of a module of a layer."""
        return ".".join(filter(None, (self._known_family().layers, str(layer), path)))

    def kinds(self) -> list[str]:
        """Return the kinds of sites that a layer of this model has."""
        if self.family is None:
            return []
        return [kind for kind in LAYER_KINDS if not (kind == "resid_mid" and self.parallel)]

    def expand(self, site: str | Site) -> list[Site]:
        """Return the sites of this model that a name with ``*`` stands for, or the one that it names."""
        parsed = Site.parse(site)
        if not parsed.is_pattern:
            return [parsed]
        self._known_family()
        return parsed.expand(self.layers, self._heads_of(parsed.kind))

    def place(self, site: str | Site) -> Place:
        """Return where a site is; see :func:`resolve`."""
        parsed = Site.parse(site)
        if parsed.is_pattern:
            raise ConfigError(f"{parsed} stands for several sites; expand it first")
        if parsed.is_path:
            return self._of_module(parsed)
        if parsed.kind in MODEL_KINDS:
            return self._of_model(parsed)
        parsed = self._checked(parsed)
        if parsed.kind in STREAM_KINDS:
            return self._of_stream(parsed)
        return self._within(parsed)

    # -- kinds of sites

    def _of_module(self, site: Site) -> Place:
        module = self.modules.get(site.path)
        if module is None:
            kind = "site" if self.family is not None else f"module of this {self.model_type} model"
            raise UnknownNameError(kind, site.path, [*self.names(), *filter(None, self.modules)])
        if "forward" not in dir(module) or getattr(module.forward, "__name__", "") == "_forward_unimplemented":
            raise ConfigError(f"{site.path} only holds other modules and computes nothing; name one that it holds")
        return self._spot(site, site.path, site.side)

    def _of_model(self, site: Site) -> Place:
        if site.kind == "logits":
            head = self.model.get_output_embeddings()
            width = None if head is None else int(head.weight.shape[0])
            return Place(site, "", self.model, element="logits", width=width)
        family = self._known_family()
        path = family.embed if site.kind == "embed" else family.final_norm
        return self._spot(site, path, "out", width=self.width)

    def _of_stream(self, site: Site) -> Place:
        family, layer = self._known_family(), _layer(site)
        if site.kind == "resid_mid":
            added = self._of_stream(replace(site, kind="attn_out"))
            first, second = family.attention_norm or family.attention, family.mlp_norm or family.mlp
            entering = self._spot(replace(site, kind="resid_pre"), self.path(layer, first), "in", width=self.width)
            place = self._spot(site, self.path(layer, second), "in", width=self.width)
            return replace(place, added=added, entering=entering)
        paths: dict[str, tuple[str, Side]] = {
            "resid_pre": ("", "in"),
            "resid_post": ("", "out"),
            "attn_out": (family.attention_post_norm or family.attention, "out"),
            "mlp_out": (family.mlp_post_norm or family.mlp, "out"),
        }
        path, side = paths[site.kind]
        return self._spot(site, self.path(layer, path), side, width=self.width)

    def _within(self, site: Site) -> Place:
        family, layer = self._known_family(), _layer(site)
        head = site.head if isinstance(site.head, int) else None
        if site.in_attention:
            view = View(head=head, head_axis=1 if site.kind == "pattern" else 2)
            width = None if site.kind == "pattern" else self.head_width
            return self._spot(site, self.path(layer, family.attention), "out", view, width)
        if site.kind == "z":
            view = View(split=self.heads, head=head)
            return self._spot(site, self.path(layer, family.projection), "in", view, self.head_width)
        units = _inputs(self.part(layer, family.down))
        if site.kind == "mlp_act":
            view, width = View(), units
            if site.unit is not None:
                if site.unit >= units:
                    raise ConfigError(f"{site}: neurons of this model are 0 to {units - 1}")
                view, width = View(site.unit, site.unit + 1), 1
            return self._spot(site, self.path(layer, family.down), "in", view, width)
        number, parts = family.gate_share or (0, 1)
        view = View() if parts == 1 else View(number * units, (number + 1) * units)
        return self._spot(site, self.path(layer, family.gate), "out", view, units)

    def _spot(self, site: Site, path: str, side: Side, view: View | None = None, width: int | None = None) -> Place:
        module = self._module(path, str(site))
        argument = next(iter(inspect.signature(module.forward).parameters), "") if side == "in" else ""
        return Place(site, path, module, side, view or View(), argument, width=width)

    # -- checks

    def names(self) -> list[str]:
        """Return the portable names of sites that this model has."""
        if self.family is None:
            return ["logits"]
        return [*(f"layers.{n}.{kind}" for n in range(self.layers) for kind in self.kinds()), *MODEL_KINDS]

    def _checked(self, site: Site) -> Site:
        self._known_family()
        layer = _layer(site)
        number = layer + self.layers if layer < 0 else layer
        if not 0 <= number < self.layers:
            raise ConfigError(
                f"{site}: this model has {self.layers} layers, 0 to {self.layers - 1} or -{self.layers} to -1"
            )
        if site.kind == "resid_mid" and self.parallel:
            raise UnsupportedFeatureError(
                f"{site}: in {self.model_type} attention and MLP read the same stream, so none is between them; "
                f"use resid_pre, resid_post, attn_out or mlp_out"
            )
        heads = self._heads_of(site.kind)
        if isinstance(site.head, int) and site.head >= heads:
            shared = f", shared by {self.heads} query heads" if heads < self.heads else ""
            raise ConfigError(f"{site}: {site.kind} has {heads} heads in this model{shared}, 0 to {heads - 1}")
        return replace(site, layer=number)

    def _heads_of(self, kind: str) -> int:
        return self.key_heads if kind in ("k", "v") else self.heads

    def _known_family(self) -> Family:
        if self.family is None:
            raise UnsupportedFeatureError(
                f"named sites are not known of {self.model_type} models, but of {', '.join(families)}; name modules by "
                f"their path, such as {_example_path(self.modules)}:out, or register a Family"
            )
        return self.family

    def _module(self, path: str, what: str) -> Any:
        if path not in self.modules:
            raise UnsupportedFeatureError(
                f"{what}: a {self.model_type} model should have it at {path}, and this one has no such module; name "
                f"modules by their path"
            )
        return self.modules[path]


def resolve(site: str | Site, model: Any) -> Place:
    """Return where a site is in a model.

    Args:
        site: its name; see :mod:`sdialog.interpretability.sites`.
        model: a causal language model of transformers, or the network that holds it.

    Raises:
        ConfigError: if a layer, head or neuron is out of range, or the module computes nothing.
        UnknownNameError: if there is no module with that path; the message has near names.
        UnsupportedFeatureError: if the family has no such site or is not known, or the model is compiled, quantised
            or not at hand.

    Example:
        >>> from transformers import GPT2Config, GPT2LMHeadModel
        >>> model = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2)).eval()
        >>> place = resolve("layers.-1.mlp_act.5", model)
        >>> str(place.site), place.path, place.side
        ('layers.1.mlp_act.5', 'transformer.h.1.mlp.c_proj', 'in')
    """
    return Anatomy(model).place(site)


def resolve_all(sites: Iterable[str | Site], model: Any) -> list[Place]:
    """Return where sites are, those that a ``*`` stands for one by one; see :func:`resolve`."""
    anatomy = Anatomy(model)
    return [anatomy.place(one) for site in sites for one in anatomy.expand(site)]


def expand(site: str | Site, model: Any) -> list[Site]:
    """Return the sites of a model that a name with ``*`` stands for, or the one that it names."""
    return Anatomy(model).expand(site)


def sites_of(model: Any) -> list[str]:
    """Return what can be looked at in a model: the portable names, then the paths of its modules.

    Single heads and neurons are left out: ``layers.N.head.H.z``, ``layers.N.mlp_act.U``.

    Example:
        >>> from transformers import PhiConfig, PhiForCausalLM
        >>> sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)
        >>> " ".join(name.removeprefix("layers.0.") for name in sites_of(PhiForCausalLM(PhiConfig(**sizes)))[:13])
        'resid_pre resid_post attn_out mlp_out mlp_pre mlp_act z q k v pattern embed final_norm'
    """
    anatomy = Anatomy(model)
    return [*anatomy.names(), *filter(None, anatomy.modules)]


def torch_model(model: Any) -> Any:
    """Return the torch model of a network, or the model itself.

    Raises:
        UnsupportedFeatureError: if it is neither.
    """
    found = model.model if isinstance(model, Network) else model
    if not hasattr(found, "named_modules") or not hasattr(found, "config"):
        raise UnsupportedFeatureError(
            f"looking into a model needs one that runs in this process, such as huggingface:NAME; "
            f"{type(found).__name__} is not a model of transformers"
        )
    return found


def _refuse_compiled(modules: Mapping[str, Any]) -> None:
    for path, module in modules.items():
        if hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None:
            raise UnsupportedFeatureError(
                f"{path or 'the model'} is compiled (torch.compile), and hooks do not run reliably in compiled code; "
                f"use the model without torch.compile"
            )


def _refuse_quantised(model: Any) -> None:
    if getattr(model, "is_quantized", False) or getattr(model.config, "quantization_config", None) is not None:
        raise UnsupportedFeatureError(
            "the model is quantised, so that its weights and activations are not those of the formulas; load it with "
            "plain weights, such as dtype bfloat16"
        )


def _layer(site: Site) -> int:
    if not isinstance(site.layer, int):
        raise ConfigError(f"{site} needs the number of a layer")
    return site.layer


def _inputs(module: Any) -> int:
    """Return the length of a projection's input; the weights of GPT-2's stand the other way round."""
    features = getattr(module, "in_features", None)
    return int(module.weight.shape[0]) if features is None else int(features)


def _example_path(modules: Mapping[str, Any]) -> str:
    return next((path for path in modules if path.rpartition(".")[2].isdigit()), "a.module")
