"""From an agent, a model or a name to the network that is looked into."""

from __future__ import annotations

from typing import Any

from sdialog.core.errors import UnsupportedFeatureError
from sdialog.llm.interventions import Network


def network_of(source: Any) -> Network:
    """Return the network of an agent, of a model or of a name, loaded if need be.

    Args:
        source: an agent, a local model, its name such as ``embedded:mini`` or ``huggingface:folder``, or a network.

    Raises:
        UnsupportedFeatureError: if it is not run in this process, so that there is nothing to look into.

    Example:
        >>> network_of("embedded:mini").model.config.model_type
        'llama'
    """
    if isinstance(source, Network):
        return source
    # A backend has the attribute ``model``, too: the part of its name after the colon.
    model = source if callable(getattr(source, "network", None)) else getattr(source, "model", source)
    if isinstance(model, str):
        from sdialog.llm.get import resolve

        model = resolve(model).model
    # A model may be wrapped, for retries or a budget.
    while not callable(getattr(model, "network", None)) and getattr(model, "inner", None) is not None:
        model = model.inner
    find = getattr(model, "network", None)
    if not callable(find):
        name = getattr(model, "name", type(model).__name__)
        raise UnsupportedFeatureError(
            f"{name} cannot be looked into; use a model that runs in this process, such as embedded:mini or "
            "huggingface:FOLDER"
        )
    network: Network = find()
    return network
