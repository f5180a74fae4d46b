"""Speech from a server: OpenAI's ``/v1/audio/speech``, and every server that answers it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sdialog.audio.sound import Clip
from sdialog.audio.speech_text import SpokenText, plain
from sdialog.audio.tts._replies import decoded
from sdialog.audio.tts._voice_values import voice_from
from sdialog.audio.tts.base import SpeechEngine, engines
from sdialog.core.errors import TTSError, UserError
from sdialog.core.optional import need

_OFFICIAL = "https://api.openai.com/v1"
_LONGEST_WAIT = 60.0
FORMATS = ("wav", "pcm", "flac", "mp3", "opus")


@dataclass(frozen=True, slots=True)
class OpenAIVoice:
    """A voice of :class:`OpenAITTS`.

    Attributes:
        name: what the server calls it, such as ``alloy``.
        instructions: how to speak, where the model listens to that.
        speed: 1 is usual, 0.25 to 4.
    """

    name: str = "alloy"
    instructions: str | None = None
    speed: float | None = None

    def json(self) -> dict[str, Any]:
        """Return the voice as JSON data."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@engines.register("openai")
class OpenAITTS(SpeechEngine):
    """Speaks through a server of OpenAI's speech interface, without word times.

    Args:
        model: what the server calls it.
        base_url: address up to ``/v1``; else ``OPENAI_BASE_URL``; else OpenAI's own.
        api_key: else ``OPENAI_API_KEY``; a server of one's own needs none. It is never shown.
        response_format: wav, pcm (16 bits at ``pcm_rate``), flac, mp3 or opus.
        pcm_rate: samples a second of the format pcm, which does not say it.
        timeout: seconds for an answer.
        retries: further tries after a busy or broken server.

    Raises:
        UserError: if the format is unknown, there is no key for OpenAI, or a number is out of range.

    Example:
        >>> OpenAITTS("kokoro", base_url="http://localhost:8880/v1").json()["model"]
        'kokoro'
    """

    name = "openai"
    wait: ClassVar[float] = 0.5
    """Seconds before the second try, doubled each time, unless the server says how long."""

    def __init__(
        self,
        model: str = "gpt-4o-mini-tts",
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        response_format: str = "wav",
        pcm_rate: int = 24000,
        timeout: float = 60.0,
        retries: int = 3,
    ) -> None:
        super().__init__()
        if response_format not in FORMATS:
            raise UserError(f"response_format is one of {', '.join(FORMATS)}, not {response_format!r}")
        if timeout <= 0 or retries < 0 or pcm_rate < 1:
            raise UserError("timeout and pcm_rate are positive, and retries is 0 or more")
        self.model, self.response_format, self.pcm_rate = model, response_format, pcm_rate
        self.timeout, self.retries = timeout, retries
        self.base_url = (base_url or os.environ.get("OPENAI_BASE_URL") or _OFFICIAL).rstrip("/")
        self._key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        if urlsplit(self.base_url).hostname == urlsplit(_OFFICIAL).hostname and not self._key:
            raise UserError("no key: set OPENAI_API_KEY, or give api_key=, or base_url= of a server that needs none")

    def speak(
        self,
        text: str,
        voice: OpenAIVoice | Mapping[str, Any] | str | None = None,
        *,
        language: str = "english",
        seed: int = 0,
    ) -> Clip:
        """Return a text as speech.

        Args:
            text: what to say.
            voice: an :class:`OpenAIVoice`, its fields, or a name.
            language: makes no difference: the model hears it from the text.
            seed: makes no difference: the interface has none. A clip cache keeps what was said first.

        Raises:
            UserError: if the server refuses the request: a wrong key, model or voice.
            TTSError: if the server fails, also after the retries, or its answer is no sound.
        """
        chosen = OpenAIVoice(voice) if isinstance(voice, str) else voice_from(OpenAIVoice, voice)
        body = {"model": self.model, "input": text, "voice": chosen.name, "response_format": self.response_format}
        body |= {name: value for name, value in chosen.json().items() if name != "name"}
        content = self._posted(body)
        return decoded(content, self.response_format, self.pcm_rate, self.base_url)

    def normalize(self, text: str, language: str = "english") -> SpokenText:
        """Return a text without markup; models behind such servers read numbers themselves."""
        return plain(text)

    def json(self) -> dict[str, Any]:
        """Return what the sound depends on; no key is in it."""
        return {
            "engine": self.name, "version": 1, "model": self.model, "base_url": _without_password(self.base_url),
            "response_format": self.response_format,
        }  # fmt: skip

    def _posted(self, body: dict[str, Any]) -> bytes:
        httpx = need("httpx", extra="audio", why="ask a speech server")
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        problem, wait = "", self.wait
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(min(wait, _LONGEST_WAIT))
                wait = self.wait * 2**attempt
            try:
                reply = httpx.post(f"{self.base_url}/audio/speech", json=body, headers=headers, timeout=self.timeout)
            except httpx.TransportError as error:
                problem = f"{type(error).__name__} {error}".strip()
                continue
            if reply.status_code < 300:
                return bytes(reply.content)
            problem = f"status {reply.status_code}: {self._said(reply.text)}"
            if reply.status_code < 500 and reply.status_code not in (408, 409, 429):
                raise UserError(
                    f"{_without_password(self.base_url)} refuses {body['voice']!r} of {self.model!r}: {problem}"
                )
            wait = _asked_to_wait(reply.headers.get("retry-after"), wait)
        tries = f"{self.retries + 1} tries" if self.retries else "one try"
        raise TTSError(f"no speech from {_without_password(self.base_url)} after {tries}: {problem}")

    def _said(self, text: str) -> str:
        # Some servers repeat the key that they refuse.
        shown = text.replace(self._key, "***") if self._key else text
        return " ".join(shown.split())[:300]


def _asked_to_wait(header: str | None, otherwise: float) -> float:
    try:
        return max(0.0, float(header)) if header is not None else otherwise
    except ValueError:
        return otherwise


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
