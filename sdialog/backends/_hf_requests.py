"""From requests to rows of the decode loop, and from what it generated to results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sdialog.backends._hf_batch import Job, Outcome, TokenScore
from sdialog.backends._hf_chat import Prompt, render, tool_schema
from sdialog.backends._hf_encode import encoder
from sdialog.backends._hf_model import LocalModel
from sdialog.backends._hf_parse import MARKERS, Reply, Visible, parse_reply, visible_part
from sdialog.backends._hf_sampling import Sampling
from sdialog.core.errors import ContextLengthError, LLMError, UnsupportedFeatureError, UserError
from sdialog.core.seeds import fresh_seed
from sdialog.llm.interventions import Intervention
from sdialog.llm.types import FinishReason, GenerateConfig, GenerateRequest, GenerateResult, TokenLogprob, Usage

_DEFAULT_MAX_TOKENS = 256
_EXTRAS = ("max_new_tokens", "do_sample", "template_variables")

Listener = Callable[[Visible], None]


class UnsupportedRequestError(LLMError, UnsupportedFeatureError):
    """A request asks for what local models cannot do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to run: its rendered prompt and its row."""

    request: GenerateRequest
    prompt: Prompt
    stops: tuple[str, ...]
    job: Job


class Translator:
    """Turns requests into jobs of one model and outcomes back into results.

    Args:
        model: the loaded model.
        name: the backend's full name, for results and errors.
        defaults: sampling options for requests that set no temperature.
    """

    def __init__(self, model: LocalModel, name: str, defaults: GenerateConfig) -> None:
        self.model, self.name, self.defaults = model, name, defaults
        self._encode = encoder(model.tokenizer)
        added = model.tokenizer.added_tokens_decoder
        special = {token for token, entry in added.items() if entry.special} | set(model.tokenizer.all_special_ids)
        shown = {token for token, entry in added.items() if entry.content in MARKERS}
        self._hidden = frozenset(special - shown)

    def prepare(self, request: GenerateRequest, listener: Listener | None = None) -> Prepared:
        """Render and check a request.

        Raises:
            ContextLengthError: if the prompt leaves no room for a reply.
            LLMError: if the request cannot be served.
        """
        strange = next((one for one in request.interventions if not isinstance(one, Intervention)), None)
        if strange is not None:
            raise UnsupportedRequestError(f"{strange!r:.80} is no intervention; give an Inspector or a Plan")
        if request.schema is not None:
            raise UnsupportedRequestError("this backend cannot force a JSON schema; ask in the prompt instead")
        extra = request.config.extra
        unknown = sorted(set(extra) - set(_EXTRAS))
        if unknown:
            raise UnsupportedRequestError(f"unknown option {unknown[0]!r}; known: {', '.join(_EXTRAS)}")
        variables = extra.get("template_variables")
        prompt = render(
            self.model.tokenizer, request.messages, request.tools, request.think, variables, encode=self._encode
        )
        room = _DEFAULT_MAX_TOKENS if self.model.context is None else self.model.context - len(prompt.ids)
        if room < 1:
            raise ContextLengthError(
                f"the prompt has {len(prompt.ids)} tokens and the context window {self.model.context}, which leaves no "
                f"room for a reply; shorten the conversation or choose a model with a longer window"
            )
        wanted = self._max_tokens(request.config)
        stops = (*prompt.stops, *(request.config.stop or ()))
        job = Job(
            prompt.ids,
            self._sampling(request.config),
            wanted if self.model.context is None else min(wanted, room),
            request.session,
            request.logprobs,
            self._watch(prompt, stops, listener),
        )
        return Prepared(request, prompt, stops, job)

    def result(self, prepared: Prepared, outcome: Outcome) -> GenerateResult:
        """Make the result of what a row generated."""
        usage = Usage(1, len(prepared.job.ids), len(outcome.reply))
        if outcome.reason in ("broken", "cancelled"):
            said = "the call was cancelled" if outcome.reason == "cancelled" else _BROKEN
            return self.failed(prepared.request, LLMError(said), usage)
        if outcome.failure is not None:
            found = outcome.failure
            error = found if isinstance(found, LLMError) else as_llm_error(found)
            return self.failed(prepared.request, error, usage)
        reply = self._parse(prepared, outcome.reply)
        reason: FinishReason = "length" if outcome.reason == "length" else "stop"
        return GenerateResult(
            text=reply.text,
            thinking=reply.thinking,
            tool_calls=reply.tool_calls,
            finish_reason="tool_calls" if reply.tool_calls else reason,
            usage=usage,
            model=self.name,
            logprobs=tuple(map(self._logprob, outcome.scores)) if prepared.request.logprobs is not None else None,
            captures=outcome.captures,
        )

    def failed(self, request: GenerateRequest, error: LLMError, usage: Usage | None = None) -> GenerateResult:
        """Make the result of a row that failed."""
        error.backend, error.request_key = self.name, request.key or None
        return GenerateResult(error=error, finish_reason="error", usage=usage or Usage(calls=1), model=self.name)

    def _sampling(self, config: GenerateConfig) -> Sampling:
        given = self.defaults.merge(config) if config.temperature is None else config
        own = self.model.generation
        temperature = given.temperature
        if temperature is None:
            sampled = config.extra.get("do_sample", own.do_sample)
            temperature = (1.0 if own.temperature is None else own.temperature) if sampled else 0.0

        def pick(name: str, off: Any) -> Any:
            value = getattr(given, name)
            value = getattr(own, name, None) if value is None else value
            return off if value is None else value

        return Sampling(
            temperature=temperature,
            top_p=pick("top_p", 1.0),
            top_k=pick("top_k", 0),
            min_p=pick("min_p", 0.0),
            repetition_penalty=pick("repetition_penalty", 1.0),
            frequency_penalty=given.frequency_penalty or 0.0,
            presence_penalty=given.presence_penalty or 0.0,
            seed=fresh_seed() if given.seed is None else given.seed,
        )

    def _max_tokens(self, config: GenerateConfig) -> int:
        asked = (config.max_tokens, config.extra.get("max_new_tokens"), self.model.generation.max_new_tokens)
        return max(1, next((int(value) for value in asked if value is not None), _DEFAULT_MAX_TOKENS))

    def _watch(
        self, prompt: Prompt, stops: Sequence[str], listener: Listener | None
    ) -> Callable[[list[int]], bool] | None:
        if not stops and listener is None:
            return None
        inside = _ends_in_thinking(prompt)

        def watch(reply: list[int]) -> bool:
            raw = self._text(reply)
            if listener is not None:
                listener(visible_part(raw, stops, inside_thinking=inside))
            return any(stop in raw for stop in stops)

        return watch

    def _text(self, reply: Sequence[int]) -> str:
        """Decode a reply: control tokens left out, markers of thinking and tool calls kept."""
        shown = [token for token in reply if token not in self._hidden]
        text: str = self.model.tokenizer.decode(shown, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text

    def _parse(self, prepared: Prepared, reply: list[int]) -> Reply:
        raw = self._text(reply)
        cut = min((at for at in (raw.find(stop) for stop in prepared.stops) if at >= 0), default=len(raw))
        tokenizer, request, template = self.model.tokenizer, prepared.request, None
        if getattr(tokenizer, "response_template", None) and cut == len(raw):

            def template() -> Any:
                tools = [tool_schema(tool) for tool in request.tools]
                return tokenizer.parse_response(reply, prefix=prepared.prompt.text, tools=tools or None)

        return parse_reply(
            raw[:cut],
            tools=[tool.name for tool in request.tools],
            first_call=sum(len(message.tool_calls) for message in request.messages),
            prompt=prepared.prompt.text,
            template=template,
        )

    def _logprob(self, score: TokenScore) -> TokenLogprob:
        decode = self.model.tokenizer.decode
        top = tuple((decode([token]), logprob) for token, logprob in score.top)
        return TokenLogprob(decode([score.token]), score.logprob, top)


def _ends_in_thinking(prompt: Prompt) -> bool:
    return prompt.text.rstrip().endswith("<think>")


def as_llm_error(found: Exception) -> LLMError:
    """Return what an intervention stumbled over as the failure of a request."""
    kind = UnsupportedRequestError if isinstance(found, UserError) else LLMError
    error = kind(
        str(found) if isinstance(found, UserError) else f"an intervention failed: {type(found).__name__}: {found}"
    )
    error.__cause__ = found
    return error


_BROKEN = "the model's scores are not numbers (NaN or infinite); try dtype='float32' or another device"
