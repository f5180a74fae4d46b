"""``google:`` — Gemini, through the google-genai SDK."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar

from sdialog.backends._remote import (
    Recall,
    RemoteBackend,
    bad_body,
    from_environment,
    no_answer,
    reading,
    secret_headers,
    small_seed,
    status_error,
)
from sdialog.backends._turns import Exchange, alternate
from sdialog.core.errors import AuthenticationError, ConfigError, LLMError, LLMTimeoutError, ServerError
from sdialog.core.optional import available, need
from sdialog.llm.failures import retry_after
from sdialog.llm.protocol import backends
from sdialog.llm.types import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    Message,
    StreamChunk,
    TokenLogprob,
    ToolCall,
    Usage,
)

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_output_tokens",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_REFUSED_AS = {
    "thinking": ("thinking_config",),
    "logprobs": ("response_logprobs", "logprobs"),
    "penalty": ("presence_penalty", "frequency_penalty"),
    "seed": ("seed",),
}
_BLOCKED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR")
_BROKEN = ("MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "OTHER")


@backends.register("google", aliases=("google-genai", "google_genai"))
class GoogleBackend(RemoteBackend):
    """A Gemini model, of the Gemini API or of Vertex AI.

    ``min_p`` and ``repetition_penalty`` are left out. Turns are made to alternate (see ``sdialog.backends._turns``): a
    later system message becomes a marked part of the user message beside it. ``think=True`` asks for thoughts to be
    shown, ``think=False`` sets the thinking budget to 0. Signatures of thoughts go back with the tool output they led
    to. Further options are fields of the SDK's ``GenerateContentConfig`` (``safety_settings``, ...), and go into the
    request's body where they are not. Seeds are sent modulo 2**31.

    Args:
        model: the model's name, such as ``gemini-2.5-flash``.
        api_key: else ``GOOGLE_API_KEY`` or ``GEMINI_API_KEY``.
        base_url: address of another endpoint.
        vertexai: use Vertex AI, with the machine's Google credentials unless a key is given.
        project: Google Cloud project, for Vertex AI.
        location: its location, such as ``europe-west4``.
        timeout: seconds one call may take; for a stream, seconds to wait for the next piece.
        max_connections: most connections open at a time, all kept alive.
        default_headers: headers to add to every request.

    Example:
        >>> GoogleBackend("gemini-2.5-flash")
        GoogleBackend('google:gemini-2.5-flash')
    """

    prefix: ClassVar[str] = "google"
    package = "google.genai"
    extra = "google"
    features = frozenset({"tools", "schema", "stream", "logprobs", "thinking", "seed"})
    refusable = frozenset(_REFUSED_AS)

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        vertexai: bool = False,
        project: str | None = None,
        location: str | None = None,
        timeout: float = 120.0,
        max_connections: int = 256,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        key = api_key or ("" if vertexai else from_environment("GOOGLE_API_KEY", "GEMINI_API_KEY"))
        self._key = (key or "").strip()
        super().__init__(model, timeout=timeout, secrets=[self._key, *secret_headers(default_headers)])
        self._base_url, self._headers, self._max_connections = base_url, default_headers, max_connections
        self._cloud = {"vertexai": vertexai, "project": project, "location": location} if vertexai else {}
        self.address = "/".join(part for part in (base_url, project, location) if part) or None
        self._recall = Recall()
        # Imported here and not at the first call: it takes seconds, which would count against that call's limit.
        self._genai = need(self.package, extra=self.extra, why=f"use {self.name}")
        self._http = need("httpx", extra="all", why=f"use {self.name}")

    @classmethod
    def unusable_because(cls) -> str | None:
        """Say what is missing to use Gemini, or None."""
        if not available(cls.package):
            return "the package google-genai is not installed: pip install 'sdialog[google]'"
        if not from_environment("GOOGLE_API_KEY", "GEMINI_API_KEY"):
            return "no key: set GOOGLE_API_KEY, or give api_key=, or vertexai=True with project= and location="
        return None

    def _connect(self) -> Any:
        if not self._key and not self._cloud:
            raise AuthenticationError("no key: set GOOGLE_API_KEY, or give api_key=")
        genai, http = self._genai, self._http
        limits = http.Limits(max_connections=self._max_connections, max_keepalive_connections=self._max_connections)
        pool = http.AsyncClient(limits=limits, timeout=http.Timeout(None, connect=min(10.0, self.timeout)))
        options = genai.types.HttpOptions(
            base_url=self._base_url,
            headers=dict(self._headers or {}),
            timeout=int(self.timeout * 1000),
            retry_options=genai.types.HttpRetryOptions(attempts=1),
            httpx_async_client=pool,
        )
        try:
            return genai.Client(api_key=self._key or None, http_options=options, **self._cloud), pool
        except ValueError as error:
            raise ConfigError(str(error)) from None

    async def _close(self, client: Any) -> None:
        sdk, pool = client
        await sdk.aio.aclose()
        sdk.close()
        await pool.aclose()

    def _call(self, request: GenerateRequest) -> dict[str, Any]:
        system, exchanges = alternate(request.messages)
        config: dict[str, Any] = {
            theirs: getattr(request.config, ours)
            for ours, theirs in _OPTIONS.items()
            if getattr(request.config, ours) is not None
        }
        if system:
            config["system_instruction"] = system
        if request.config.stop:
            config["stop_sequences"] = list(request.config.stop)
        if request.config.seed is not None:
            config["seed"] = small_seed(request.config.seed)
        if request.schema is not None:
            config |= {"response_mime_type": "application/json", "response_json_schema": dict(request.schema)}
        if request.logprobs is not None:
            config |= {"response_logprobs": True, "logprobs": request.logprobs or None}
        if request.think is not None:
            config["thinking_config"] = {"include_thoughts": True} if request.think else {"thinking_budget": 0}
        if request.tools:
            declared = [
                {"name": t.name, "description": t.description, "parameters_json_schema": dict(t.parameters)}
                for t in request.tools
            ]
            config["tools"] = [{"function_declarations": declared}]
        for name in self.refused:
            for key in _REFUSED_AS[name]:
                config.pop(key, None)
        known = self._genai.types.GenerateContentConfig.model_fields
        extra = request.config.extra
        config |= {name: value for name, value in extra.items() if name in known}
        if body := {name: value for name, value in extra.items() if name not in known}:
            config["http_options"] = {"extra_body": body, "retry_options": {"attempts": 1}}
        return {"model": self.model, "contents": self._contents(exchanges), "config": config}

    def _contents(self, exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
        names = {call.id: call.name for e in exchanges for message in e.messages for call in message.tool_calls}
        return [
            {
                "role": "user" if exchange.side == "user" else "model",
                "parts": [part for message in exchange.messages for part in self._parts(message, names)],
            }
            for exchange in exchanges
        ]

    def _parts(self, message: Message, names: Mapping[str, str]) -> list[dict[str, Any]]:
        if message.role == "tool":
            kept = self._recall.find(message.tool_call_id or "") or {}
            name = message.name or names.get(message.tool_call_id or "", "")
            answer = {"id": kept.get("id"), "name": name, "response": _as_object(message.content)}
            return [{"function_response": answer}]
        parts: list[dict[str, Any]] = [{"text": message.content}] if message.content.strip() else []
        for call in message.tool_calls:
            kept = self._recall.find(call.id) or {}
            part: dict[str, Any] = {
                "function_call": {"id": kept.get("id"), "name": call.name, "args": dict(call.arguments)}
            }
            if kept.get("signature"):
                part["thought_signature"] = kept["signature"]
            parts.append(part)
        return parts

    async def _send(self, client: Any, request: GenerateRequest) -> GenerateResult:
        call = self._call(request)
        with reading():
            reply = await client[0].aio.models.generate_content(**call)
            return self._result([reply], request)

    async def _send_stream(self, client: Any, request: GenerateRequest) -> AsyncGenerator[StreamChunk, None]:
        replies = []
        stream = await client[0].aio.models.generate_content_stream(**self._call(request))
        async with contextlib.aclosing(stream):
            async for reply in stream:
                replies.append(reply)
                parts = [p for c in (reply.candidates or ())[:1] for p in (c.content and c.content.parts) or ()]
                text = "".join(part.text or "" for part in parts if not part.thought)
                thinking = "".join(part.text or "" for part in parts if part.thought)
                if text or thinking:
                    yield StreamChunk(text=text, thinking=thinking)
        with reading():
            result = self._result(replies, request)
        yield StreamChunk(result=result)

    def _result(self, replies: Sequence[Any], request: GenerateRequest) -> GenerateResult:
        """Read the one reply of a plain call, or all the pieces of a stream."""
        candidates = [reply.candidates[0] for reply in replies if reply.candidates]
        feedback = next((reply.prompt_feedback for reply in replies if reply.prompt_feedback), None)
        usage = next((reply.usage_metadata for reply in reversed(replies) if reply.usage_metadata), None)
        blocked = feedback is not None and feedback.block_reason is not None
        reasons = [candidate.finish_reason.value for candidate in candidates if candidate.finish_reason]
        if not blocked and not reasons:
            raise bad_body("it ended before the reply did" if candidates else "it holds no candidates")
        parts = [part for candidate in candidates for part in (candidate.content and candidate.content.parts) or ()]
        calls = self._calls(parts, request)
        reason = reasons[-1] if reasons else "SAFETY"
        if reason in _BROKEN and not calls and not any(part.text for part in parts):
            raise ServerError(f"the model gave no reply ({reason})")
        finish: FinishReason = "tool_calls" if calls else "length" if reason == "MAX_TOKENS" else "stop"
        output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) if usage else 0
        return GenerateResult(
            text="".join(part.text or "" for part in parts if not part.thought),
            thinking="".join(part.text or "" for part in parts if part.thought) or None,
            tool_calls=calls,
            finish_reason="content_filter" if reason in _BLOCKED else finish,
            usage=Usage(1, (usage.prompt_token_count or 0) if usage else 0, output),
            model=next((reply.model_version for reply in replies if reply.model_version), self.model),
            logprobs=_logprobs([c.logprobs_result for c in candidates if c.logprobs_result]),
        )

    def _calls(self, parts: Sequence[Any], request: GenerateRequest) -> tuple[ToolCall, ...]:
        number = sum(len(message.tool_calls) for message in request.messages)
        calls: list[ToolCall] = []
        for part in parts:
            if part.function_call is None:
                continue
            asked = part.function_call
            identity = asked.id or f"call_{number + len(calls)}"
            if asked.id or part.thought_signature:
                self._recall.keep(identity, {"id": asked.id, "signature": part.thought_signature})
            calls.append(ToolCall(identity, asked.name or "", dict(asked.args or {})))
        return tuple(calls)

    def _explain(self, error: Exception) -> LLMError | None:
        errors, http = self._genai.errors, self._http
        if isinstance(error, errors.APIError):
            message = str(error.message or error.details)
            if error.code == 400 and re.search(r"api[ _]key", f"{message} {error.details}", re.IGNORECASE):
                return AuthenticationError(f"400: {message}", status=400)
            wait = retry_after(getattr(error.response, "headers", None))
            wait = wait if wait is not None else _retry_delay(error.details)
            return status_error(error.code, message, code=str(error.status or ""), retry_after=wait)
        if isinstance(error, http.TimeoutException):
            return LLMTimeoutError("no answer from Google in time; timeout= sets the limit")
        if isinstance(error, http.HTTPError):
            return no_answer(error, where=self._base_url or "Google")
        return bad_body(str(error)) if isinstance(error, errors.UnknownApiResponseError) else None


def _as_object(text: str) -> dict[str, Any]:
    """Return a tool's output as the object Gemini wants."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"result": value}


def _retry_delay(details: Any) -> float | None:
    """Return the wait, in seconds, that an error's details ask for, as in ``"retryDelay": "34s"``."""
    found = re.search(r"'retryDelay': '([\d.]+)s'", str(details))
    return float(found.group(1)) if found else None


def _logprobs(found: Sequence[Any]) -> tuple[TokenLogprob, ...] | None:
    tokens = []
    for result in found:
        chosen, others = result.chosen_candidates or (), result.top_candidates or ()
        for place, one in enumerate(chosen):
            top = (others[place].candidates or ()) if place < len(others) else ()
            tokens.append(
                TokenLogprob(
                    one.token or "", one.log_probability or 0.0, tuple((t.token, t.log_probability) for t in top)
                )
            )
    return tuple(tokens) or None
