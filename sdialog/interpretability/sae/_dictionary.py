"""Sparse dictionaries: features of activations, and activations rebuilt from features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from sdialog.core.errors import ConfigError, UnsupportedFeatureError, UserError
from sdialog.interpretability.sae import _codes
from sdialog.interpretability.sae.config import PER_TOKEN, Kind, SAEConfig


class SparseDictionary:
    """Weights of a sparse dictionary with what they compute. Its weights are not changed by anything here.

    Args:
        config: what it is.
        weights: tensors by name. ``W_enc`` (width_in, d_sae), ``W_dec`` (d_sae, width_out), ``b_dec`` (width_out);
            ``b_enc`` (d_sae), or ``b_gate``, ``b_mag`` and ``r_mag`` if gated; ``threshold`` (d_sae, or one for all)
            of ``jumprelu`` and ``batchtopk``; ``scale`` (layers) of ``expected_norm``, and for a transcoder
            ``scale_out`` (1).

    Raises:
        ConfigError: if weights are missing, too many or of another shape than the configuration says.

    Example:
        >>> config = SAEConfig(d_in=2, d_sae=3, architecture="standard", decoder_bias_on_input=False)
        >>> made = SparseAutoencoder(config, {
        ...     "W_enc": torch.tensor([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), "b_enc": torch.zeros(3),
        ...     "W_dec": torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), "b_dec": torch.zeros(2)})
        >>> made.encode([[-2.0, 3.0]]), made([[-2.0, 3.0]])
        (tensor([[0., 3., 2.]]), tensor([[-2.,  3.]]))
    """

    kind: ClassVar[Kind] = "sae"

    def __init__(self, config: SAEConfig, weights: Mapping[str, Any]) -> None:
        if config.kind != self.kind:
            raise ConfigError(f"a {type(self).__name__} is of the kind {self.kind}, not {config.kind}")
        self.config = config
        dtype = getattr(torch, config.dtype)
        self.weights = {name: torch.as_tensor(value).detach().to(dtype) for name, value in weights.items()}
        _check_shapes(config, self.weights)

    def __repr__(self) -> str:
        c = self.config
        k = "" if c.k is None else f", k={c.k}"
        at = f", {' -> '.join(c.sites)}" if c.sites else ""
        return f"{type(self).__name__}({c.architecture}, {c.width_in} -> {c.d_sae} features{k}{at})"

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.weights["W_dec"].device

    @property
    def feature_vectors(self) -> torch.Tensor:
        """What one unit of each feature writes, in the units of the activations: (d_sae, d_out).

        Of a crosscoder (d_sae, layers, d_in). With ``layer_norm`` and ``token_norm`` the units are normalised ones.
        """
        rows = self.weights["W_dec"].unflatten(-1, (self.config.layers, -1))
        scale = self._scale_out
        if scale is not None:
            rows = rows / scale.unsqueeze(-1)
        return rows if self.kind == "crosscoder" else rows.flatten(-2)

    @property
    def _scale_out(self) -> torch.Tensor | None:
        return self.weights.get("scale_out", self.weights.get("scale"))

    def encode(self, x: Any) -> torch.Tensor:
        """Return the features of activations.

        Args:
            x: activations (..., d_in), of a crosscoder (..., layers, d_in); tensor, array or lists.

        Returns:
            Features (..., d_sae), none below 0.

        Raises:
            UserError: if the activations are of another width.
        """
        return _codes.features(self.weights, self.config, self._read(x).values)

    def decode(self, features: Any, x: Any = None) -> torch.Tensor:
        """Return activations rebuilt from features.

        Args:
            features: (..., d_sae).
            x: the activations that were encoded; needed where each token is normalised by its own size.

        Raises:
            UserError: if ``x`` is needed and not given, or the features are of another number.
        """
        found = self._tensor(features)
        if found.shape[-1] != self.config.d_sae:
            raise UserError(f"this dictionary has {self.config.d_sae} features, not {found.shape[-1]}")
        return self._write(found, None if x is None else self._read(x))

    def forward(self, x: Any) -> torch.Tensor:
        """Return activations as the dictionary rebuilds them; those at the output site for a transcoder."""
        read = self._read(x)
        return self._write(_codes.features(self.weights, self.config, read.values), read)

    __call__ = forward

    def estimate_scale(self, activations: Any) -> Self:
        """Return a copy whose ``expected_norm`` fits activations (n, d_in).

        Raises:
            UnsupportedFeatureError: if it normalises otherwise, or is a transcoder, whose output is scaled, too.
        """
        if self.config.normalisation != "expected_norm" or self.kind == "transcoder":
            raise UnsupportedFeatureError(f"{self!r} has no single factor of expected_norm to estimate")
        flat = self._flat(activations)
        return type(self)(self.config, {**self.weights, "scale": _codes.scale_of(flat, self.config.layers)})

    def folded(self) -> Self:
        """Return a dictionary that does the same without ``expected_norm``: the factors go into its weights."""
        if self.config.normalisation in PER_TOKEN:
            raise UnsupportedFeatureError(
                f"{self.config.normalisation} differs from token to token: no weights do that"
            )
        scale, after = self.weights.get("scale"), self._scale_out
        if self.config.normalisation == "none" or scale is None or after is None:
            return self
        wide_in = scale.repeat_interleave(self.config.width_in // len(scale))
        wide_out = after.repeat_interleave(self.config.width_out // len(after))
        weights = {name: value for name, value in self.weights.items() if not name.startswith("scale")}
        weights["W_enc"] = weights["W_enc"] * wide_in.unsqueeze(-1)
        weights["W_dec"] = weights["W_dec"] / wide_out
        weights["b_dec"] = weights["b_dec"] / wide_out
        return type(self)(self.config.replace(normalisation="none", decoder_norm="free"), weights)

    def to(self, device: Any = None, dtype: str | None = None) -> Self:
        """Return a copy on another device or in another dtype, such as ``bfloat16``."""
        config = self.config if dtype is None else self.config.replace(dtype=dtype)
        return type(self)(config, {name: value.to(device or value.device) for name, value in self.weights.items()})

    def save(self, folder: str | Path, format: str = "sdialog") -> Path:
        """Write it to a folder.

        Args:
            folder: where to; it is made.
            format: ``sdialog`` (``config.json`` and ``weights.safetensors``), or ``saelens`` for SAELens.

        Returns:
            The folder.

        Raises:
            UnknownNameError: if there is no such format.
            UnsupportedFeatureError: if the format cannot hold it.
        """
        from sdialog.interpretability.sae._files import save

        return save(self, folder, format)

    def chosen(self, features: Sequence[int] | None) -> list[int]:
        """Return the numbers of some features, of all if None.

        Raises:
            UserError: if there is no such feature.
        """
        found = list(range(self.config.d_sae)) if features is None else [int(feature) for feature in features]
        wrong = [feature for feature in found if not 0 <= feature < self.config.d_sae]
        if wrong:
            raise UserError(f"{self!r} has features from 0 to {self.config.d_sae - 1}, not {wrong[0]}")
        return found

    def _flat(self, x: Any) -> torch.Tensor:
        values = self._tensor(x)
        shape = (self.config.layers, self.config.d_in) if self.kind == "crosscoder" else (self.config.d_in,)
        if tuple(values.shape[-len(shape) :]) != shape:
            raise UserError(f"{self!r} reads activations of shape (..., {', '.join(map(str, shape))}), "
                            f"not {tuple(values.shape)}")  # fmt: skip
        return values.flatten(-2) if self.kind == "crosscoder" else values

    def _read(self, x: Any) -> _codes.Normalised:
        return _codes.normalise(self._flat(x), self.config, self.weights.get("scale"))

    def _write(self, found: torch.Tensor, read: _codes.Normalised | None) -> torch.Tensor:
        values = _codes.rebuilt(self.weights, found)
        if read is None and self.config.normalisation in PER_TOKEN:
            raise UserError(f"{self.config.normalisation} is undone with the activations: decode(features, x)")
        scale = self._scale_out
        if scale is not None:
            read = _codes.Normalised(values, None, (1 / scale).unsqueeze(-1))
        if read is not None:
            values = _codes.undo(values, read, self.config.layers)
        return values.unflatten(-1, (self.config.layers, -1)) if self.kind == "crosscoder" else values

    def _tensor(self, values: Any) -> torch.Tensor:
        return torch.as_tensor(values).to(self.device, self.weights["W_dec"].dtype)


class SparseAutoencoder(SparseDictionary):
    """A sparse dictionary that rebuilds the activations it reads; see :class:`SparseDictionary`."""

    kind = "sae"


class Transcoder(SparseDictionary):
    """A sparse dictionary that predicts one site from another, such as an MLP's output from its input."""

    kind = "transcoder"


class Crosscoder(SparseDictionary):
    """A sparse dictionary that reads and rebuilds several layers at once (Lindsey et al., 2024)."""

    kind = "crosscoder"

    @property
    def layer_shares(self) -> torch.Tensor:
        """How the length of each feature's vectors is shared among the layers: (d_sae, layers), rows sum to 1."""
        lengths = self.feature_vectors.norm(dim=-1)
        return lengths / lengths.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(lengths.dtype).tiny)


CLASSES: dict[str, type[SparseDictionary]] = {one.kind: one for one in (SparseAutoencoder, Transcoder, Crosscoder)}


def make(config: SAEConfig, weights: Mapping[str, Any]) -> SparseDictionary:
    """Return a dictionary of the class that its kind says."""
    return CLASSES[config.kind](config, weights)


def shapes(config: SAEConfig) -> dict[str, tuple[int, ...]]:
    """Return the weights that a dictionary has to have, with their shapes."""
    features = (config.d_sae,)
    made = {"W_enc": (config.width_in, config.d_sae), "W_dec": (config.d_sae, config.width_out)}
    biases: Iterable[str] = ("b_gate", "b_mag", "r_mag") if config.architecture == "gated" else ("b_enc",)
    made_too = dict.fromkeys(biases, features)
    if config.architecture in ("jumprelu", "batchtopk"):
        made_too["threshold"] = features
    return {**made, **made_too, "b_dec": (config.width_out,)}


def _check_shapes(config: SAEConfig, weights: Mapping[str, torch.Tensor]) -> None:
    wanted = shapes(config)
    optional: dict[str, tuple[int, ...]] = {}
    if config.normalisation == "expected_norm":
        optional["scale"] = (config.layers,)
        if config.kind == "transcoder":
            optional["scale_out"] = (1,)
    missing = sorted(set(wanted) - set(weights))
    extra = sorted(set(weights) - set(wanted) - set(optional))
    if missing or extra:
        said = [f"lack {', '.join(missing)}"] if missing else []
        said += [f"have {', '.join(extra)} too many"] if extra else []
        raise ConfigError(f"weights of a {config.architecture} {config.kind} {' and '.join(said)}")
    for name, tensor in weights.items():
        shape = {**wanted, **optional}[name]
        if tuple(tensor.shape) != shape and not (name == "threshold" and tensor.ndim == 0):
            raise ConfigError(f"{name} must be of shape {shape}, not {tuple(tensor.shape)}")
