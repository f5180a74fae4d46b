"""The small model that comes with sdialog: runs anywhere, offline, on a CPU.

It simulates dialogs of the domains it was trained on; it is no general assistant. It is loaded in float32, so the
promise of :mod:`sdialog.backends.huggingface` holds: equal requests give equal replies, alone or in any batch. It
works with two processor threads at most: its matrices are too small for more, which would only wait for each other. On
a machine that is busy with other things one is faster (``threads=1``, or ``OMP_NUM_THREADS=1``).
"""

from __future__ import annotations

from pathlib import Path

from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import UnknownNameError
from sdialog.llm.protocol import backends
from sdialog.llm.types import GenerateConfig

_FOLDER = Path(__file__).resolve().parent
_DEFAULTS = GenerateConfig(temperature=0.7, top_p=0.95)


@backends.register("embedded")
class EmbeddedBackend(HuggingFaceBackend):
    """A model packed with sdialog, on the CPU, without network.

    A request that sets no temperature samples with temperature 0.7 and top_p 0.95, so that dialogs differ by seed;
    temperature 0 is greedy.

    Args:
        model: its name; ``mini`` is the one there is.
        max_batch_tokens, kv_cache_bytes, threads: as for :class:`HuggingFaceBackend`.

    Raises:
        MissingDependencyError: if torch or transformers is not installed.
        UnknownNameError: if no such model is packed.

    Example:
        >>> from sdialog.core.sync import run
        >>> from sdialog.llm.types import GenerateRequest, Message
        >>> request = GenerateRequest((Message("user", "Hello."),), GenerateConfig(seed=7, max_tokens=8))
        >>> (result,) = run(EmbeddedBackend("mini").generate([request]))
        >>> result.usage.output_tokens <= 8
        True
    """

    prefix = "embedded"

    def __init__(
        self,
        model: str = "mini",
        *,
        max_batch_tokens: int = 65536,
        kv_cache_bytes: int = 1 << 30,
        threads: int | None = 2,
    ) -> None:
        known = sorted(path.parent.name for path in _FOLDER.glob("*/config.json"))
        if model not in known:
            raise UnknownNameError("embedded model", model, known)
        super().__init__(
            str(_FOLDER / model),
            dtype="float32",
            device="cpu",
            max_batch_tokens=max_batch_tokens,
            kv_cache_bytes=kv_cache_bytes,
            threads=threads,
        )
        self.model, self.name = model, f"{self.prefix}:{model}"

    @property
    def defaults(self) -> GenerateConfig:
        """Sampling options of requests that set no temperature."""
        return _DEFAULTS
