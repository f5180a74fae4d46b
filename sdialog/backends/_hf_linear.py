"""Faster matrix products for batches on the CPU.

PyTorch multiplies float32 matrices with MKL, which runs at half speed or less on other makers' processors. oneDNN,
which comes with PyTorch too, does not, except for a handful of rows. So linear layers take the one or the other by the
number of rows; both compute in float32.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch.nn import Linear
from torch.nn.functional import linear

# From so many rows on oneDNN is faster: with weights packed once for it, and with weights as they are.
_ROWS_PACKED, _ROWS_PLAIN = 12, 48
# Packed weights are a second copy, which is fine for small models only.
_MOST_PACKED_BYTES = 128 << 20


def speed_up(model: torch.nn.Module) -> None:
    """Let the linear layers of a float32 model on the CPU use oneDNN; every other model stays as it is."""
    layers = [module for module in model.modules() if type(module) is Linear]
    fit = all(layer.weight.device.type == "cpu" and layer.weight.dtype == torch.float32 for layer in layers)
    if not fit or not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    small = sum(layer.weight.numel() * 4 for layer in layers) <= _MOST_PACKED_BYTES
    for layer in layers:
        layer._packed = None if small else ()
        layer.forward = MethodType(_forward, layer)


def _forward(layer: Any, rows: torch.Tensor) -> torch.Tensor:
    """Return what the layer gives, with the library that suits the number of rows."""
    count = rows.numel() // rows.shape[-1]
    if torch.is_grad_enabled() or count < _ROWS_PACKED or rows.dtype != torch.float32:
        return linear(rows, layer.weight, layer.bias)
    if layer._packed == ():
        weight = layer.weight
        if count < _ROWS_PLAIN:
            return linear(rows, weight, layer.bias)
    else:
        weight = _packed(layer)
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, layer.bias, "none", [], "")
    return product


def _packed(layer: Any) -> torch.Tensor:
    """Return the layer's weights as oneDNN likes them, packed anew whenever somebody has changed them."""
    now = (layer.weight.data_ptr(), layer.weight._version)
    if layer._packed is None or layer._packed[0] != now:
        with torch.inference_mode(False), torch.no_grad():
            packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), 32)
        layer._packed = (now, packed)
    weight: torch.Tensor = layer._packed[1]
    return weight
