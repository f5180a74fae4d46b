"""Models of the Hugging Face hub or a local folder, run in this process by transformers.

What is promised: with the same weights, device, library versions and number of threads, a request with a seed gives
the same tokens whether it runs alone or in any batch, beside any neighbours, in one piece or resumed, with or without
keys and values kept from earlier turns. Arithmetic on floating-point numbers depends on the shape of a batch in the
last digits, so this is brought about, not given: the noise of sampling is a function of seed, step and token alone,
and a token that was chosen by less than a hundred times the rounding error is chosen again on scores computed alone
(``near_ties`` counts them). It holds for float32 and float64. In half precision rounding is as large as real
differences; there a run is repeatable only if its batches are the same. Log-probabilities agree to about 1e-5.

Sampling: ``temperature`` None leaves the choice to the model's ``generation_config`` (its temperature if it says
``do_sample``, else greedy); 0 is greedy. ``max_tokens`` None takes the model's ``max_new_tokens``, or 256. Further
options travel in ``extra``: ``max_new_tokens`` and ``do_sample`` (transformers' names) and ``template_variables``, a
mapping handed to the chat template.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from sdialog.backends._hf_source import Source
from sdialog.core.errors import ConfigError, LLMError
from sdialog.core.optional import available, need
from sdialog.llm.interventions import Conductor, Network
from sdialog.llm.protocol import Backend, backends
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, StreamChunk

if TYPE_CHECKING:
    from sdialog.backends._hf_engine import Engine
    from sdialog.backends._hf_parse import Visible
    from sdialog.backends._hf_requests import Listener, Translator

_WHY = "run language models in this process"
_GIB = 1 << 30


@backends.register("huggingface")
class HuggingFaceBackend(Backend):
    """A causal language model of transformers, run in batches in a thread of its own.

    The weights are loaded at the first request. A local folder never touches the network.

    Args:
        model: a local folder, or a name on the hub such as ``Qwen/Qwen3-0.6B``.
        dtype: ``auto`` (float32 on CPU, else as stored), or a torch type such as ``float64`` or ``bfloat16``.
        device: ``auto`` (CUDA, else MPS, else CPU), or a torch device such as ``cuda:1``.
        max_batch_tokens: most tokens of one batch, padding and replies included; larger batches run in parts.
        kv_cache_bytes: most bytes of attention keys and values kept between the turns of conversations.
        revision: branch, tag or commit on the hub.
        trust_remote_code: run Python code that comes with the model. It can do anything; off by default.
        threads: most processor threads torch uses for this model; None leaves that to torch.

    Raises:
        MissingDependencyError: if torch or transformers is not installed.
        ConfigError: if a folder is named that does not hold a model.

    Example:
        >>> HuggingFaceBackend("Qwen/Qwen3-0.6B", dtype="bfloat16").name
        'huggingface:Qwen/Qwen3-0.6B'
    """

    prefix = "huggingface"
    batching = "batched"
    features = frozenset({"tools", "thinking", "logprobs", "seed", "stream", "interventions"})

    def __init__(
        self,
        model: str,
        *,
        dtype: str = "auto",
        device: str = "auto",
        max_batch_tokens: int = 65536,
        kv_cache_bytes: int = _GIB,
        revision: str | None = None,
        trust_remote_code: bool = False,
        threads: int | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ConfigError(f"threads must be at least 1, not {threads}")
        for package in ("torch", "transformers"):
            if not available(package):
                need(package, extra="local", why=_WHY)
        super().__init__(model, dtype=dtype, device=device, revision=revision)
        name = str(dtype).removeprefix("torch.")
        self._source = Source(model, name, str(device), revision, trust_remote_code)
        self._source.check()
        self._threads = threads
        self._max_batch_tokens, self._kv_cache_bytes = max_batch_tokens, kv_cache_bytes
        self._load_lock, self._worker_lock = threading.Lock(), threading.Lock()
        self._loaded: tuple[Engine, Translator] | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._worker_pid = self._worker_thread = 0

    @property
    def defaults(self) -> GenerateConfig:
        """Sampling options of requests that set no temperature."""
        return GenerateConfig()

    @property
    def identity(self) -> str:
        """Name, revision, number type and fingerprint: what decides how it answers."""
        parts = (self.name, self._source.revision, self._source.dtype, self.fingerprint)
        return "@".join(str(part) for part in parts if part)

    @property
    def fingerprint(self) -> str | None:
        """Digest of the files in a local folder; None for a hub name, whose revision tells."""
        return self._source.fingerprint()

    @property
    def near_ties(self) -> int:
        """How many tokens so far were chosen again on scores computed alone (see the module's text)."""
        return self._loaded[0].near_ties if self._loaded else 0

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request, together, in order.

        Raises:
            ConfigError: if the model cannot be loaded.
        """
        return await self._in_worker(requests, {})

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply's text as it grows; thinking comes in one piece, tool calls with the result."""
        loop, pieces = asyncio.get_running_loop(), asyncio.Queue[StreamChunk | None]()
        text = thinking = ""

        def listen(seen: Visible) -> None:
            nonlocal text, thinking
            if len(seen.text) > len(text) or len(seen.thinking) > len(thinking):
                chunk = StreamChunk(seen.text[len(text) :], seen.thinking[len(thinking) :])
                text, thinking = seen.text, seen.thinking
                loop.call_soon_threadsafe(pieces.put_nowait, chunk)

        task = asyncio.create_task(self._in_worker([request], {0: listen}))
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            (result,) = await task
            rest = (result.text[len(text) :], (result.thinking or "")[len(thinking) :])
            yield StreamChunk(*rest, result=result)
        finally:
            task.cancel()

    async def aclose(self) -> None:
        """Free the weights, the kept conversations and the thread; the next request loads the model again."""
        with self._worker_lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            await asyncio.get_running_loop().run_in_executor(None, worker.shutdown)
        self._loaded = None

    def engine(self) -> Engine:
        """Return the loaded model with its decode loop, loading it if need be; blocks meanwhile."""
        return self._load()[0]

    def network(self) -> Network:
        """Return the model as torch has it, for those who look into it; loads it if need be.

        Others may be generating with it: work with it through ``network.call``.
        """
        engine = self.engine()
        return Network(engine.model.model, engine.model.tokenizer, self.name, self.fingerprint, self._call)

    @property
    def base_model(self) -> Any:
        """The network itself, loaded if need be."""
        return self.engine().model.model

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer, loaded with it if need be."""
        return self.engine().model.tokenizer

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say which package is missing, or None."""
        missing = [package for package in ("torch", "transformers") if not available(package)]
        if missing:
            return f"{' and '.join(missing)} not installed; pip install 'sdialog[local]'"
        return None

    async def _in_worker(
        self, requests: Sequence[GenerateRequest], listeners: dict[int, Listener]
    ) -> list[GenerateResult]:
        cancelled = threading.Event()
        work = self._pool().submit(self._as_worker, self._answer, list(requests), listeners, cancelled.is_set)
        try:
            return await asyncio.wrap_future(work)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def _call(self, function: Callable[[], Any]) -> Any:
        """Run a function in the model's thread and return what it returns; at once when in that thread already."""
        if threading.get_ident() == self._worker_thread:
            return function()
        return self._pool().submit(self._as_worker, function).result()

    def _as_worker(self, function: Callable[..., Any], *given: Any) -> Any:
        self._worker_thread = threading.get_ident()
        return function(*given)

    def _pool(self) -> ThreadPoolExecutor:
        with self._worker_lock:
            # A forked child inherits the executor but not its thread.
            if self._worker is None or self._worker_pid != os.getpid():
                limit = partial(_use_threads, self._threads) if self._threads else None
                self._worker = ThreadPoolExecutor(1, thread_name_prefix=self.name, initializer=limit)
                self._worker_pid = os.getpid()
            return self._worker

    def _answer(
        self,
        requests: list[GenerateRequest],
        listeners: dict[int, Listener],
        cancelled: Callable[[], bool],
    ) -> list[GenerateResult]:
        engine, translator = self._load()
        results: list[Any] = [None] * len(requests)
        prepared = {}
        for index, request in enumerate(requests):
            try:
                prepared[index] = translator.prepare(request, listeners.get(index))
            except LLMError as error:
                results[index] = translator.failed(request, error)
        conductors: list[Conductor] = []
        while any(row.request.interventions for row in prepared.values()):
            from sdialog.backends import _hf_conducting as conducting

            order = list(prepared)
            conductors, wrong = conducting.conductors(self.network(), dict(enumerate(prepared.values())))
            if not wrong:
                break
            for job, fault in wrong.items():
                results[order[job]] = translator.failed(prepared.pop(order[job]).request, fault)
        outcomes = engine.run([row.job for row in prepared.values()], conductors=conductors, cancelled=cancelled)
        for (index, row), outcome in zip(prepared.items(), outcomes, strict=True):
            results[index] = translator.result(row, outcome)
        return results

    def _load(self) -> tuple[Engine, Translator]:
        with self._load_lock:
            if self._loaded is None:
                self._loaded = self._open()
            return self._loaded

    def _open(self) -> tuple[Engine, Translator]:
        from sdialog.backends._hf_engine import Engine
        from sdialog.backends._hf_model import LocalModel
        from sdialog.backends._hf_requests import Translator

        model = LocalModel.load(self._source)
        engine = Engine(model, max_batch_tokens=self._max_batch_tokens, cache_bytes=self._kv_cache_bytes)
        return engine, Translator(model, self.name, self.defaults)


def _use_threads(count: int) -> None:
    """Let torch work with ``count`` threads at most for calls from this thread; all other threads stay as they were."""
    import torch

    usual = torch.get_num_threads()
    torch.set_num_threads(min(count, usual))
    # torch has now also made it the default of threads yet to come; said from another thread, this puts that back.
    restore = threading.Thread(target=torch.set_num_threads, args=(usual,))
    restore.start()
    restore.join()
