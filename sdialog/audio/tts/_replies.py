"""The sound in the answer of a speech server."""

from __future__ import annotations

import io
import struct
from typing import Any

from sdialog.audio.sound import Clip, mono
from sdialog.core.errors import TTSError
from sdialog.core.optional import need

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


def decoded(content: bytes, form: str, pcm_rate: int, server: str) -> Clip:
    """Return the clip in an answer.

    Args:
        content: the body.
        form: what was asked for; an answer that is a WAV is read as one all the same.
        pcm_rate: samples a second of bare samples.
        server: named in the message.

    Raises:
        TTSError: if it is not sound, or there are no samples in it.
    """
    numpy = need("numpy", extra="audio", why="read sound")
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        samples, rate = _wav(numpy, content, server)
    elif form == "pcm":
        if content[:1] in (b"{", b"<"):
            raise TTSError(f"{server} answered text in place of sound: {content[:200].decode('utf-8', 'replace')!r}")
        samples, rate = numpy.frombuffer(content[: len(content) // 2 * 2], dtype="<i2"), pcm_rate
    else:
        soundfile = need("soundfile", extra="audio", why="read sound")
        try:
            samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
        except soundfile.LibsndfileError as error:
            start = content[:80].decode("utf-8", "replace")
            raise TTSError(f"{server} answered no {form} ({error}): {start!r}") from error
    if not len(samples):
        raise TTSError(f"{server} answered a sound without samples")
    return Clip(mono(samples), int(rate))


def _wav(numpy: Any, content: bytes, server: str) -> tuple[Any, int]:
    """Read a WAV; servers that stream it do not know its length and write a wrong one, which libraries refuse."""
    at, kind, channels, rate, bits = 12, 0, 1, 0, 0
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        if name == b"fmt " and at + 24 <= len(content):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", content, at + 8)
            if kind == _EXTENSIBLE and size >= 26:
                kind = struct.unpack_from("<H", content, at + 32)[0]
        elif name == b"data":
            break
        at += 8 + size + size % 2
    types = {(_PCM, 16): "<i2", (_PCM, 32): "<i4", (_FLOAT, 32): "<f4", (_FLOAT, 64): "<f8"}
    if (kind, bits) not in types or not rate or not channels or at + 8 > len(content):
        raise TTSError(f"{server} answered a WAV of a kind that is not read: format {kind}, {bits} bits")
    width = bits // 8 * channels
    body = content[at + 8 : at + 8 + size]
    samples = numpy.frombuffer(body[: len(body) // width * width], dtype=types[kind, bits])
    return samples.reshape(-1, channels) if channels > 1 else samples, rate
