"""The process that speaks with espeak-ng, a script that needs the standard library alone.

espeak-ng keeps its state in globals and draws random numbers whose order depends on everything said before. So this
process loads the library and never speaks: each request is answered by a child, forked with the library as it was at
the beginning and a seed of its own. It is started as a program, not forked from the caller, whose threads a fork would
not survive.

Frames on standard input and output: four bytes for the length of a JSON object, the object, then ``size`` bytes of
samples where the object has that key.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import struct
import sys
import time
from typing import IO, Any

SYNCHRONOUS = 2
PHONEME_EVENTS, IPA, DO_NOT_EXIT = 0x1, 0x2, 0x8000
UTF8, END_PAUSE = 0x1, 0x1000
POSITION_CHARACTER = 1
WORD, SENTENCE, PHONEME = 1, 2, 7
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4, "gap": 7}
MOST_SECONDS = 3600


class Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h; the last field is a union, of which eight bytes of text are used."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("text", ctypes.c_char * 8),
    )


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))


class Voice(ctypes.Structure):
    """The beginning of ``espeak_VOICE`` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
    )


def loaded(library_path: str, data_path: str) -> tuple[Any, int]:
    """Return the library, ready to speak, and its sample rate."""
    library = ctypes.CDLL(library_path)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    options = PHONEME_EVENTS | IPA | DO_NOT_EXIT
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, os.fsencode(data_path), options)
    if rate <= 0:
        raise RuntimeError(f"espeak-ng does not start with the data in {data_path} (code {rate})")
    return library, rate


def speak(library: Any, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return what a request sounds like: a header with its events, and the samples."""
    found = library.espeak_SetVoiceByName(request["voice"].encode("utf-8"))
    if found != 0:
        return {"unknown_voice": request["voice"]}, b""
    for name, code in PARAMETERS.items():
        if request.get(name) is not None:
            library.espeak_SetParameter(code, int(request[name]), 0)
    chunks: list[bytes] = []
    events: list[tuple[int, int, int, int, str]] = []

    def receive(samples: int | None, count: int, event: Any) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        index = 0
        while event[index].type:
            one = event[index]
            if one.type in (WORD, SENTENCE, PHONEME):
                text = one.text.decode("utf-8", "replace") if one.type == PHONEME else ""
                events.append((one.type, one.position, one.length, one.sample, text))
            index += 1
        return 0

    callback = CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(int(request["seed"]) & 0x7FFFFFFF)
    text = request["text"].encode("utf-8", "replace") + b"\0"
    failed = library.espeak_Synth(text, len(text), 0, POSITION_CHARACTER, 0, UTF8 | END_PAUSE, None, None)
    if failed:
        return {"error": f"espeak-ng refuses the text (code {failed})"}, b""
    samples = b"".join(chunks)
    return {"events": events, "size": len(samples)}, samples


def voices(library: Any) -> dict[str, Any]:
    """Return the voices and variants that the library lists: identifier, name, languages, gender, age."""
    listed: list[dict[str, Any]] = []
    for spec in (None, ctypes.byref(_asked(b"variant"))):
        table, index = library.espeak_ListVoices(spec), 0
        while table[index]:
            voice = table[index].contents
            listed.append(
                {
                    "file": _text(voice.identifier),
                    "name": _text(voice.name),
                    "languages": _languages(voice.languages),
                    "gender": {1: "male", 2: "female"}.get(voice.gender, ""),
                    "age": voice.age,
                }
            )
            index += 1
    version = _text(library.espeak_Info(None))
    return {"voices": listed, "version": version}


def _asked(language: bytes) -> Voice:
    buffer = ctypes.create_string_buffer(language)
    asked = Voice(None, ctypes.cast(buffer, ctypes.c_void_p), None, 0, 0)
    asked.kept = buffer  # the structure holds a bare address
    return asked


def _languages(address: int | None) -> list[str]:
    """Read the list that ends in a zero: a byte of priority, then a name that ends in a zero."""
    found: list[str] = []
    at = address or 0
    while at and ctypes.string_at(at, 1) != b"\0":
        name = ctypes.string_at(at + 1)
        found.append(name.decode("utf-8", "replace"))
        at += len(name) + 2
    return found


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Return the next frame, or None at the end of the stream."""
    size = stream.read(4)
    if len(size) < 4:
        return None
    body = stream.read(struct.unpack(">I", size)[0])
    header: dict[str, Any] = json.loads(body)
    samples = stream.read(header["size"]) if header.get("size") else b""
    return None if len(samples) < header.get("size", 0) else (header, samples)


def frame(header: dict[str, Any], samples: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    body = json.dumps(header).encode("ascii")
    return struct.pack(">I", len(body)) + body + samples


def answer(library: Any, request: dict[str, Any]) -> bytes:
    """Return the frame that answers a request."""
    try:
        if request.get("list"):
            return frame(voices(library))
        return frame(*speak(library, request))
    except Exception as error:  # noqa: BLE001 -- told to the caller, who raises it
        return frame({"error": f"{type(error).__name__}: {error}"})


def answer_in_child(library: Any, request: dict[str, Any]) -> bytes:
    """Return the frame that answers a request, made by a forked child that may crash or hang."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(readable)
            with os.fdopen(writable, "wb") as stream:
                stream.write(answer(library, request))
        finally:
            os._exit(0)
    os.close(writable)
    seconds = float(request.get("timeout", MOST_SECONDS))
    received, finished = _received(readable, time.monotonic() + seconds)
    os.close(readable)
    if not finished:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not finished:
        return frame({"error": f"espeak-ng gave no sound within {seconds:g} seconds"})
    if os.WIFSIGNALED(status):
        return frame({"error": f"espeak-ng crashed ({signal.Signals(os.WTERMSIG(status)).name})"})
    return received


def _received(descriptor: int, deadline: float) -> tuple[bytes, bool]:
    """Read until the end of a pipe; False where the deadline came first."""
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return b"".join(parts), False
        part = os.read(descriptor, 1 << 20)
        if not part:
            return b"".join(parts), True
        parts.append(part)


def main() -> None:
    """Answer requests until standard input ends; without fork, the first alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides when to end
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not land between the frames
    forks = hasattr(os, "fork")
    try:
        library, rate = loaded(sys.argv[1], sys.argv[2])
    except Exception as error:  # noqa: BLE001 -- told to the caller, who raises it
        output.write(frame({"error": f"{type(error).__name__}: {error}"}))
        output.flush()
        return
    output.write(frame({"rate": rate, "forks": forks}))
    output.flush()
    while (request := read_frame(sys.stdin.buffer)) is not None:
        output.write(answer_in_child(library, request[0]) if forks else answer(library, request[0]))
        output.flush()
        if not forks:
            return


if __name__ == "__main__":
    main()
