"""Functions called at places of a model while it runs, and forward calls that read or change what is there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.anatomy.attention import Call, watching
from sdialog.interpretability.anatomy.places import Anatomy, Place, torch_model
from sdialog.llm.interventions import Network

if TYPE_CHECKING:
    from torch import Tensor

    from sdialog.interpretability.sites import Site

_WHY = "look into a model"


@dataclass(frozen=True, eq=False, slots=True)
class Tap:
    """A function called with what is at a place, each time the model gets there.

    Attributes:
        place: where.
        function: gets the tensor and may not change it; returns another of the same shape in its place, or None to
            leave it. The tensor may share memory with the model's: copy what is to be kept.
        edits: False if the function never returns anything.
    """

    place: Place
    function: Call
    edits: bool = True


@contextmanager
def attached(taps: Iterable[Tap]) -> Iterator[None]:
    """Have taps called for the time of a block; after it, also after an exception, no hook is left.

    At one place they are called in their order, each with what those before have made of it. Edits of ``resid_mid``
    come after all at ``attn_out``, which is read as attention has left it.
    """
    with ExitStack() as stack:
        inside: dict[Any, dict[str, list[Call]]] = {}
        taps = list(taps)
        moved = _moved(taps)
        for tap in taps:
            if tap.place.site.in_attention:
                inside.setdefault(tap.place.module, {}).setdefault(tap.place.site.kind, []).append(_call(tap))
            elif tap not in moved:
                stack.callback(_hook(tap.place, _call(tap)).remove)
        for tap in moved:
            for handle in _hook_stream(tap):
                stack.callback(handle.remove)
        if inside:
            stack.enter_context(watching(inside))
        yield


def forward(model: Any, ids: Tensor, attention_mask: Tensor | None = None, *, taps: Iterable[Tap] = ()) -> Tensor:
    """Run a forward call with taps and without a cache.

    Of a network it runs in the thread in which the network generates, so that no other tokens pass the taps. Whether
    gradients are recorded is as in the caller's thread.

    Args:
        model: a causal language model of transformers, or the network that holds it.
        ids: token ids, of shape (rows, tokens).
        attention_mask: 1 where there is a token and 0 for padding, of the same shape; padding may be on either side.
        taps: what is called on the way.

    Returns:
        Logits of shape (rows, tokens, vocabulary).
    """
    torch = need("torch", extra="local", why=_WHY)
    recorded, network = torch.is_grad_enabled(), torch_model(model)

    def run() -> Any:
        with torch.set_grad_enabled(recorded), attached(taps):
            return network(input_ids=ids.to(network.device), **_options(network, attention_mask)).logits

    logits: Tensor = model.call(run) if isinstance(model, Network) else run()
    return logits


def read(
    model: Any, sites: Iterable[str | Site], ids: Tensor, attention_mask: Tensor | None = None
) -> dict[str, Tensor]:
    """Run a forward call and return what is at sites.

    Args:
        model: a causal language model of transformers, or the network that holds it.
        sites: names; those that a ``*`` stands for come back one by one.
        ids: token ids, of shape (rows, tokens).
        attention_mask: as for :func:`forward`.

    Returns:
        By name, as given: copies of shape (rows, tokens, width) for the stream, the MLP and the logits; (rows,
        tokens, heads, length) for ``z``, ``q``, ``k``, ``v``; (rows, heads, tokens, tokens) for ``pattern``; one head
        has no axis of heads. Gradients pass, unless the caller turns them off.

    Raises:
        UserError: if a site is not there, see :func:`~sdialog.interpretability.anatomy.places.resolve`, or its
            module did not run.

    Example:
        >>> import torch
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=50, **sizes)).eval()
        >>> found = read(model, ["layers.*.resid_post", "layers.-1.head.0.pattern"], torch.tensor([[3, 4, 5]]))
        >>> {name: tuple(tensor.shape) for name, tensor in found.items()}
        {'layers.0.resid_post': (1, 3, 16), 'layers.1.resid_post': (1, 3, 16), 'layers.-1.head.0.pattern': (1, 3, 3)}
    """
    anatomy = Anatomy(model)
    found: dict[str, Tensor] = {}

    def keeping(name: str) -> Call:
        def keep(tensor: Tensor) -> None:
            found[name] = tensor.clone()

        return keep

    # By the name as given, but for sites that it stands for.
    named = {str(one if "*" in str(site) else site): one for site in sites for one in anatomy.expand(site)}
    taps = [Tap(anatomy.place(one), keeping(name), edits=False) for name, one in named.items()]
    forward(model, ids, attention_mask, taps=taps)
    silent = [name for name in named if name not in found]
    if silent:
        raise UserError(f"nothing passed {', '.join(silent)} in a forward call: the model does not call the module")
    return {name: found[name] for name in named}


def edit(
    model: Any,
    edits: Mapping[str | Site, Callable[[Tensor], Tensor | None]],
    ids: Tensor,
    attention_mask: Tensor | None = None,
) -> Tensor:
    """Run a forward call in which functions change what is at sites.

    Args:
        model: a causal language model of transformers, or the network that holds it.
        edits: by name of the site: gets a copy of what is there, in the shape that :func:`read` returns, and returns
            what is to be there, or None to leave it.
        ids: token ids, of shape (rows, tokens).
        attention_mask: as for :func:`forward`.

    Returns:
        Logits of shape (rows, tokens, vocabulary).

    Raises:
        UserError: if a site is not there, or a function returns another shape.

    Example:
        >>> import torch
        >>> from transformers import LlamaConfig, LlamaForCausalLM
        >>> sizes = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2)
        >>> model = LlamaForCausalLM(LlamaConfig(vocab_size=50, **sizes)).eval()
        >>> logits = edit(model, {"layers.1.resid_mid": lambda x: x * 0, "layers.1.mlp_out": torch.zeros_like},
        ...               torch.tensor([[3, 4, 5]]))
        >>> bool(logits.abs().max() < 1e-3)
        True
    """
    anatomy = Anatomy(model)
    taps = []
    for site, function in edits.items():
        for one in anatomy.expand(site):
            taps.append(Tap(anatomy.place(one), _on_a_copy(function)))
    return forward(model, ids, attention_mask, taps=taps)


def _options(model: Any, attention_mask: Tensor | None) -> dict[str, Any]:
    options: dict[str, Any] = {"use_cache": False, "return_dict": True}
    if attention_mask is not None:
        options["attention_mask"] = attention_mask.to(model.device)
        if "position_ids" in inspect.signature(model.forward).parameters:
            # A row's first token is at position 0 wherever it stands.
            options["position_ids"] = (options["attention_mask"].long().cumsum(-1) - 1).clamp(min=0)
    return options


def _on_a_copy(function: Callable[[Tensor], Tensor | None]) -> Call:
    # A function that changes what it gets would change the model's own tensor, and others that share its memory.
    return lambda tensor: function(tensor.clone())


def _call(tap: Tap) -> Call:
    """Return the tap's function as one of the whole tensor at its place."""
    place = tap.place

    def call(whole: Tensor) -> Tensor | None:
        part = place.view.take(whole)
        result = tap.function(part)
        return None if result is None or not tap.edits else place.view.put(whole, _fitting(place, part, result))

    return call


def _fitting(place: Place, before: Tensor, after: Any) -> Tensor:
    torch = need("torch", extra="local", why=_WHY)
    if not isinstance(after, torch.Tensor):
        raise ConfigError(f"the function for {place.site} returned {type(after).__name__}; a tensor or None is wanted")
    if after.shape != before.shape:
        raise ConfigError(
            f"the function for {place.site} returned the shape {tuple(after.shape)} for {tuple(before.shape)}; the "
            f"shape has to stay"
        )
    fit: Tensor = after.to(device=before.device, dtype=before.dtype)
    return fit


def _hook(place: Place, call: Call, *, first: bool = False) -> Any:
    """Put a function of the whole tensor on a place; return the hook's handle."""
    if place.side == "in":

        def before(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            by_position = bool(args)
            given = args[0] if by_position else kwargs.get(place.argument)
            changed = call(_tensor(place, given))
            if changed is None:
                return None
            return ((changed, *args[1:]), kwargs) if by_position else (args, {**kwargs, place.argument: changed})

        return place.module.register_forward_pre_hook(before, with_kwargs=True, prepend=first)

    def after(_module: Any, _args: Any, output: Any) -> Any:
        key = _key(place, output)
        changed = call(_tensor(place, output if key is None else output[key]))
        return None if changed is None else _with(output, key, changed)

    return place.module.register_forward_hook(after, prepend=first)


def _moved(taps: Sequence[Tap]) -> list[Tap]:
    """Return the taps that work where attention adds to the stream: edits of what is between it and the MLP.

    And those that come before such an edit: where the stream is read, they would see what it has become.
    """
    streams = [(number, tap) for number, tap in enumerate(taps) if tap.place.added is not None]
    last_edit = {tap.place.path: number for number, tap in streams if tap.edits}
    return [tap for number, tap in streams if number <= last_edit.get(tap.place.path, -1)]


def _hook_stream(tap: Tap) -> Sequence[Any]:
    """Edit the stream between attention and MLP: change what attention adds to it, by as much.

    The norm or MLP that reads the stream next has it as an input, but a change of that input would not be seen by
    what is added up after it.
    """
    entering, added = tap.place.entering, tap.place.added
    if entering is None or added is None:
        raise ConfigError(f"{tap.place.site} is not changed by way of another place")
    stream: list[Tensor] = []

    def keep(whole: Tensor) -> None:
        stream[:] = [whole]

    def change(addend: Tensor) -> Tensor | None:
        before = stream.pop() + addend
        result = tap.function(before)
        if result is None or not tap.edits:
            return None
        return addend + (_fitting(tap.place, before, result) - before)

    # Before all others there, which see an input of their own and may change it.
    return _hook(entering, keep, first=True), _hook(added, change)


def _tensor(place: Place, value: Any) -> Tensor:
    torch = need("torch", extra="local", why=_WHY)
    if not isinstance(value, torch.Tensor):
        raise UserError(
            f"{place.site}: {place.path or 'the model'} has no tensor there but {type(value).__name__}; name another "
            f"module or side"
        )
    return value


def _key(place: Place, output: Any) -> Any:
    """Return which part of an output is meant; None for the output itself."""
    if isinstance(output, Mapping):
        return next(iter(output)) if place.element is None else place.element
    return 0 if isinstance(output, (tuple, list)) else None


def _with(output: Any, key: Any, changed: Tensor) -> Any:
    """Return an output in which a part is another."""
    if key is None:
        return changed
    if isinstance(output, Mapping):
        # transformers' outputs are mappings made of keyword arguments.
        return type(output)(**{**output, key: changed})
    return type(output)((changed, *output[1:]))
