"""The speech interface of OpenAI, on a server of this machine: formats, refusals, retries."""

from __future__ import annotations

import io
import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy
import pytest
import soundfile

from sdialog.audio.clips import ClipCache
from sdialog.audio.tts.openai import OpenAITTS, OpenAIVoice
from sdialog.core.errors import TTSError, UserError

TONE = (0.2 * numpy.sin(numpy.arange(2400) * 0.1)).astype(numpy.float32)
KEY = "a-key-of-nobody"


def _written(form, subtype=None):
    file = io.BytesIO()
    soundfile.write(file, TONE, 24000, format=form, subtype=subtype)
    return file.getvalue()


def _pcm():
    return (TONE * 32767).astype("<i2").tobytes()


def _streamed():
    """A WAV as a server writes it that does not know its length yet."""
    fmt = struct.pack("<HHIIHH", 1, 1, 24000, 48000, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + fmt + b"data\xff\xff\xff\xff" + _pcm()


class Server:
    """A server whose answers are given, one a request, the last again and again; it keeps what it was asked."""

    def __init__(self):
        self.answers, self.asked = [], []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                owner.asked.append((self.path, self.headers.get("authorization"), body))
                answer = owner.answers.pop(0) if len(owner.answers) > 1 else owner.answers[0]
                if answer is None:  # the connection breaks
                    self.connection.close()
                    return
                status, headers, content = answer
                self.send_response(status)
                for name, value in {"content-length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(OpenAITTS, "wait", 0.001)
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_what_is_asked(server):
    server.answers = [(200, {}, _written("WAV"))]
    engine = OpenAITTS("tts-1", base_url=server.address, api_key=KEY)
    clip = ClipCache().get(engine, "**Hello** [cough] there", OpenAIVoice("nova", instructions="Softly.", speed=1.5))
    assert server.asked == [
        (
            "/v1/audio/speech", f"Bearer {KEY}",
            {"model": "tts-1", "input": "Hello there", "voice": "nova", "response_format": "wav",
             "instructions": "Softly.", "speed": 1.5},
        )
    ]  # fmt: skip
    assert clip.rate == 24000 and clip.words == ()
    assert KEY not in json.dumps(engine.json()) + repr(engine)


def test_a_server_of_ones_own_needs_no_key(server):
    server.answers = [(200, {}, _written("WAV"))]
    OpenAITTS(base_url=server.address).speak("Hi", "anna")
    assert server.asked[0][1] is None


@pytest.mark.parametrize(
    ("form", "content", "tolerance"),
    [
        ("wav", _written("WAV"), 1e-4),
        ("wav", _written("WAV", "FLOAT"), 1e-7),
        ("wav", _streamed(), 1e-4),
        ("pcm", _pcm(), 1e-4),
        ("pcm", _pcm() + b"\0", 1e-4),
        ("flac", _written("FLAC"), 1e-4),
        ("mp3", _written("WAV"), 1e-4),  # a server that answers its only format
    ],
)
def test_formats(server, form, content, tolerance):
    server.answers = [(200, {}, content)]
    clip = OpenAITTS(base_url=server.address, response_format=form).speak("Hi")
    assert clip.rate == 24000
    assert numpy.abs(clip.samples - TONE).max() < tolerance


def test_two_channels_become_one(server):
    file = io.BytesIO()
    soundfile.write(file, numpy.stack([TONE, -TONE], axis=1), 16000, format="WAV")
    server.answers = [(200, {}, file.getvalue())]
    clip = OpenAITTS(base_url=server.address).speak("Hi")
    assert (clip.rate, len(clip.samples)) == (16000, 2400) and numpy.abs(clip.samples).max() < 1e-4


def test_a_busy_or_broken_server_is_asked_again(server):
    good = (200, {}, _written("WAV"))
    server.answers = [(429, {"retry-after": "0"}, b"busy"), (503, {"retry-after": "soon"}, b""), None, good]
    assert OpenAITTS(base_url=server.address).speak("Hi").duration == 0.1
    assert len(server.asked) == 4


def test_it_gives_up_after_the_retries(server):
    server.answers = [(500, {}, b"out of\n memory")]
    with pytest.raises(TTSError, match="after 3 tries: status 500: out of memory"):
        OpenAITTS(base_url=server.address, retries=2).speak("Hi")
    with pytest.raises(TTSError, match="after one try"):
        OpenAITTS(base_url=server.address, retries=0).speak("Hi")
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(TTSError, match="ConnectError"):
        OpenAITTS(base_url=server.address, retries=1).speak("Hi")


def test_a_refusal_is_not_repeated_and_hides_the_key(server):
    server.answers = [(401, {}, f"Incorrect API key: {KEY}".encode())]
    with pytest.raises(UserError, match=r"refuses 'alloy' of 'tts-1': status 401: Incorrect API key: \*\*\*"):
        OpenAITTS("tts-1", base_url=server.address, api_key=KEY).speak("Hi")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        ("flac", b'{"error": "no"}', "answered no flac"),
        ("pcm", b'{"error": "no"}', "text in place of sound"),
        ("wav", _written("WAV", "ULAW"), "of a kind that is not read"),
        ("wav", b"RIFF\0\0\0\0WAVE", "of a kind that is not read"),
        ("pcm", b"", "without samples"),
    ],
)
def test_answers_that_are_no_sound(server, form, content, said):
    server.answers = [(200, {}, content)]
    with pytest.raises(TTSError, match=said):
        OpenAITTS(base_url=server.address, response_format=form).speak("Hi")


def test_settings_from_the_environment(server, monkeypatch):
    server.answers = [(200, {}, _written("WAV"))]
    with pytest.raises(UserError, match="no key"):
        OpenAITTS()
    monkeypatch.setenv("OPENAI_BASE_URL", server.address)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    engine = OpenAITTS()
    engine.speak("Hi")
    assert server.asked[0][1] == f"Bearer {KEY}"
    hidden = OpenAITTS(base_url=f"{server.address.replace('//', '//user:secret@')}?token=secret")
    assert hidden.json()["base_url"] == server.address
    with pytest.raises(UserError, match="wav, pcm"):
        OpenAITTS(response_format="ogg")
