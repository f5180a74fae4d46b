"""What a sparse dictionary is and how it is trained: plain descriptions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from sdialog.core.errors import ConfigError, UnknownNameError

Architecture = Literal["standard", "gated", "topk", "batchtopk", "jumprelu"]
Kind = Literal["sae", "transcoder", "crosscoder"]
Normalisation = Literal["none", "expected_norm", "layer_norm", "token_norm"]
DecoderNorm = Literal["unit", "free"]

ARCHITECTURES = ("standard", "gated", "topk", "batchtopk", "jumprelu")
KINDS = ("sae", "transcoder", "crosscoder")
NORMALISATIONS = ("none", "expected_norm", "layer_norm", "token_norm")
DTYPES = ("float64", "float32", "bfloat16", "float16")
PER_TOKEN = ("layer_norm", "token_norm")
RESAMPLED = ("standard", "gated")
_WITH_K = ("topk", "batchtopk")


@dataclass(frozen=True)
class SAEConfig:
    """A sparse dictionary: features f of activations x, and activations rebuilt from them.

    | architecture | features | sparsity |
    |---|---|---|
    | ``standard`` | ReLU(Wx + b) | L1 penalty (Bricken et al., 2023) |
    | ``gated`` | one part says which, the other how much | L1 of the gates (Rajamanoharan et al., 2024a) |
    | ``topk`` | the k largest of a token | by construction (Gao et al., 2024) |
    | ``batchtopk`` | k a token on average of a batch, then those above a threshold | (Bussmann et al., 2024) |
    | ``jumprelu`` | those above a threshold each | L0 penalty (Rajamanoharan et al., 2024b) |

    Negative pre-activations are no features in any of them, so ``topk`` has fewer than k where fewer are positive.

    Attributes:
        d_in: width of the activations read; of one layer for a crosscoder.
        d_sae: number of features.
        architecture: see above.
        k: features a token, for ``topk`` and ``batchtopk``.
        kind: ``sae`` rebuilds what it reads; ``transcoder`` predicts another site (Dunefsky et al., 2024);
            ``crosscoder`` reads and rebuilds several layers at once (Lindsey et al., 2024).
        d_out: width of what is rebuilt; differs from ``d_in`` for a transcoder only, and is ``d_in`` if None.
        layers: how many layers a crosscoder reads.
        normalisation: of activations on their way in, undone on the way out: ``none``; ``expected_norm``, one factor
            that makes the mean length sqrt(d_in); ``layer_norm``, mean 0 and variance 1 of each token;
            ``token_norm``, length sqrt(d_in) of each token.
        decoder_bias_on_input: whether the decoder's bias is taken off before encoding; None is yes for an ``sae``.
        tied_start: whether training starts with the encoder as the decoder's transpose; None is yes unless it is a
            transcoder.
        decoder_norm: ``unit`` keeps decoder rows at length 1 in training; ``free`` lets them grow and weighs the
            penalty with their length. None is ``free`` for the standard crosscoder.
        dtype: of the weights.
        sites: where it belongs: one site; input and output of a transcoder; the layers of a crosscoder.
        span: of which tokens, as :mod:`sdialog.interpretability.spans` writes it.
        model: name of the model it was trained on.
        fingerprint: digest of that model's weights; None where it is not known.

    Raises:
        ConfigError: if the parts do not fit each other.

    Example:
        >>> config = SAEConfig(d_in=64, d_sae=512, k=8, sites=("layers.3.resid_post",))
        >>> config.architecture, config.decoder_bias_on_input, SAEConfig.from_json(config.json()) == config
        ('topk', True, True)
    """

    d_in: int
    d_sae: int
    architecture: Architecture = "topk"
    k: int | None = None
    kind: Kind = "sae"
    d_out: int | None = None
    layers: int = 1
    normalisation: Normalisation = "none"
    decoder_bias_on_input: bool | None = None
    tied_start: bool | None = None
    decoder_norm: DecoderNorm | None = None
    dtype: str = "float32"
    sites: tuple[str, ...] = ()
    span: str = ""
    model: str = ""
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        for what, name, known in (
            ("architecture", self.architecture, ARCHITECTURES),
            ("kind of dictionary", self.kind, KINDS),
            ("normalisation", self.normalisation, NORMALISATIONS),
            ("dtype", self.dtype, DTYPES),
        ):
            if name not in known:
                raise UnknownNameError(what, str(name), known)
        resolved = {
            "d_out": self.d_in if self.d_out is None else self.d_out,
            "decoder_bias_on_input": self._or(self.decoder_bias_on_input, self.kind == "sae"),
            "tied_start": self._or(self.tied_start, self.kind != "transcoder"),
            "decoder_norm": self.decoder_norm
            or ("free" if self.kind == "crosscoder" and self.architecture == "standard" else "unit"),
            "sites": tuple(self.sites),
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)
        self._check()

    @staticmethod
    def _or(value: bool | None, otherwise: bool) -> bool:
        return otherwise if value is None else bool(value)

    def _check(self) -> None:
        for name in ("d_in", "d_sae", "d_out", "layers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.decoder_norm not in ("unit", "free"):
            raise UnknownNameError("decoder norm", str(self.decoder_norm), ("unit", "free"))
        if (self.architecture in _WITH_K) != (self.k is not None):
            must = "needs k, the number of features a token" if self.k is None else "takes no k"
            raise ConfigError(f"the architecture {self.architecture} {must}")
        if self.k is not None and not 1 <= self.k <= self.d_sae:
            raise ConfigError(f"k must be from 1 to d_sae = {self.d_sae}, not {self.k}")
        if self.kind != "crosscoder" and self.layers != 1:
            raise ConfigError(f"only a crosscoder has layers; this is of the kind {self.kind}")
        if self.kind != "transcoder" and self.d_out != self.d_in:
            raise ConfigError(f"only a transcoder has a d_out of its own; this is of the kind {self.kind}")
        if self.kind == "transcoder" and (self.decoder_bias_on_input or self.tied_start):
            raise ConfigError(
                "a transcoder reads and writes different sites: no decoder bias on its input, no tied start"
            )
        if self.kind == "transcoder" and self.normalisation in PER_TOKEN:
            raise ConfigError(
                f"{self.normalisation} cannot be undone at a site that is not read; use expected_norm for a transcoder"
            )

    @property
    def width_in(self) -> int:
        """Width of what is read, all layers of a crosscoder together."""
        return self.d_in * self.layers

    @property
    def width_out(self) -> int:
        """Width of what is rebuilt, all layers of a crosscoder together."""
        return (self.d_out or self.d_in) * self.layers

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**dataclasses.asdict(self), "sites": list(self.sites)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what :meth:`json` described.

        Raises:
            ConfigError: if a field is missing or unknown.
        """
        return cls(**_checked(cls, data))


@dataclass(frozen=True)
class TrainingConfig:
    """How a sparse dictionary is trained: Adam on the summed squared error a token, plus what makes it sparse.

    Attributes:
        steps: how many batches are seen.
        learning_rate: of Adam, after the warm-up and before the decay.
        betas: Adam's two rates of forgetting.
        warm_up: steps over which the learning rate rises from 0.
        decay: share of the steps, at the end, over which it falls to 0.
        sparsity: weight of the L1 or L0 penalty; not used by ``topk`` and ``batchtopk``.
        sparsity_warm_up: steps over which that weight rises from 0.
        auxiliary: weight of the loss that lets dead features of ``topk`` and ``batchtopk`` explain what the others
            leave (Gao et al., 2024); 0 for none.
        dead_after: tokens without being active after which a feature is dead.
        resample_every: steps after which dead features of ``standard`` and ``gated`` start anew at inputs that are
            rebuilt badly (Bricken et al., 2023), up to half of the run; 0 for never, as for the other architectures.
        bandwidth: of the kernel of the straight-through gradients of ``jumprelu``.
        threshold_start: of ``jumprelu``.
        anchor_strength: how strongly anchored features are held to their directions.
        estimation_batches: from how many batches the start of the decoder's bias and ``expected_norm`` are computed.
        log_every: steps between entries of the log.
        checkpoint_every: steps between checkpoints; 0 for one at the end.

    Raises:
        ConfigError: if a number is out of its range.

    Example:
        >>> TrainingConfig(steps=100, decay=0.5).rate(74)
        0.000156
    """

    steps: int = 10_000
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.999)
    warm_up: int = 0
    decay: float = 0.2
    sparsity: float = 1.0
    sparsity_warm_up: int = 0
    auxiliary: float = 1 / 32
    dead_after: int = 100_000
    resample_every: int = 0
    bandwidth: float = 0.05
    threshold_start: float = 0.01
    anchor_strength: float = 2.0
    estimation_batches: int = 8
    log_every: int = 100
    checkpoint_every: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))
        for name in ("steps", "log_every", "estimation_batches", "dead_after"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "bandwidth", "threshold_start"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in (
            *("warm_up", "sparsity", "sparsity_warm_up", "auxiliary", "resample_every"),
            *("anchor_strength", "checkpoint_every"),
        ):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not 0 <= self.decay <= 1:
            raise ConfigError(f"decay is a share of the steps, from 0 to 1, not {self.decay}")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / self.warm_up) if self.warm_up else 1.0
        falling = self.decay * self.steps
        left = min(1.0, (self.steps - step) / falling) if falling else 1.0
        return self.learning_rate * rising * left

    def penalty(self, step: int) -> float:
        """Return the weight of the penalty at a step, counted from 0."""
        return self.sparsity * (min(1.0, (step + 1) / self.sparsity_warm_up) if self.sparsity_warm_up else 1.0)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**dataclasses.asdict(self), "betas": list(self.betas)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what :meth:`json` described.

        Raises:
            ConfigError: if a field is missing or unknown.
        """
        return cls(**_checked(cls, data))


def _checked(cls: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(cls)}
    for name in data:
        if name not in known:
            raise UnknownNameError(f"field of {cls.__name__}", name, known)
    missing = {"d_in", "d_sae"} & known - set(data)
    if missing:
        raise ConfigError(f"{cls.__name__} lacks {', '.join(sorted(missing))}")
    return dict(data)
