"""The cache of spoken clips: what was said once, in a voice, is not said again."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio._clip_files import read_clip, write_clip
from sdialog.audio._described import described
from sdialog.audio.sound import Clip
from sdialog.audio.speech_text import SpokenText, aligned
from sdialog.core.errors import TTSError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.tts.base import BaseTTS

MEMORY = 256 * 2**20
_DIGEST = 20


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What a cache was asked for.

    Attributes:
        made: clips that an engine had to speak.
        found: clips that were there.
        damaged: files that could not be read and were made again.
    """

    made: int
    found: int
    damaged: int

    def json(self) -> dict[str, int]:
        """Return the numbers as JSON data."""
        return {"made": self.made, "found": self.found, "damaged": self.damaged}


class ClipCache:
    """Clips by engine, voice, language, text and seed, in memory and, where asked, in a folder.

    A folder may be shared by processes: a file appears whole or not at all, it holds its own checksum, and one that
    is damaged is made again. Each is a WAV of 32-bit floats, so that a clip from the folder is the one that was made,
    bit for bit; its words are in a chunk of their own.

    Args:
        path: folder of the clips, made when first needed; None keeps them in memory alone.
        memory: bytes of samples that stay in memory; the clips not used for longest go first.

    Raises:
        UserError: if the path is a file, or the memory is negative.

    Example:
        >>> from sdialog.audio.tts.base import engines
        >>> cache, tone = ClipCache(), engines.get("tone")()
        >>> clip = cache.get(tone, "*smiles* Good morning!", {"pitch": 200}, seed=5)
        >>> [(word.text, word.start < word.end) for word in clip.words]
        [('*smiles*', False), ('Good', True), ('morning!', True)]
        >>> cache.get(tone, "*smiles* Good morning!", {"pitch": 200}, seed=5) is clip
        True
    """

    def __init__(self, path: str | Path | None = None, memory: int = MEMORY) -> None:
        self.path = None if path is None else Path(path)
        if self.path is not None and self.path.exists() and not self.path.is_dir():
            raise UserError(f"the clips are kept in a folder, and {self.path} is a file")
        if memory < 0:
            raise UserError(f"memory is a number of bytes, 0 or more, not {memory!r}")
        self.memory = memory
        self._held: OrderedDict[str, Clip] = OrderedDict()
        self._bytes = 0
        self._made = self._found = self._damaged = 0
        self._lock = threading.Lock()

    def get(
        self,
        engine: BaseTTS,
        text: str,
        voice: Any = None,
        language: str = "english",
        seed: int = 0,
        rate: int | None = None,
    ) -> Clip:
        """Return a text of a dialog as sound, spoken now or before.

        Args:
            engine: speaks what is not there yet; its ``normalize`` says how the text is read.
            text: as the dialog has it.
            voice: what the engine calls a voice.
            language: name in English, lower case.
            seed: of whatever is random in the engine.
            rate: wanted samples a second; None leaves those of the engine. What was resampled is kept in memory.

        Returns:
            The clip, whose samples are read-only. Its words are the tokens of ``text``, one each, in order; a token
            that is not said has no length. A text of which nothing is said gives a clip of no length. There are no
            words where the engine tells no times.

        Raises:
            TTSError: if the engine fails, or its words do not fit what it was given.
            UserError: if the voice cannot be told from another one, or the folder cannot be written.
        """
        spoken = engine.normalize(text, language)
        if not isinstance(spoken, SpokenText):
            spoken = aligned(text, spoken)
        key = clip_key(engine, text, str(spoken), voice, language, seed)
        changed = None if rate is None else self._recall(f"{key} at {rate}", memory_alone=True)
        if changed is not None:
            return changed
        clip = self._recall(key)
        if clip is None:
            clip = _spoken_clip(engine, text, spoken, voice, language, seed)
            clip.samples.flags.writeable = False
            self._keep(key, clip)
        if rate is None or rate == clip.rate:
            return clip
        changed = clip.resampled(rate)
        changed.samples.flags.writeable = False
        self._hold(f"{key} at {rate}", changed)
        return changed

    def use(self) -> CacheUse:
        """Return how often it had what was asked for, since it was opened."""
        with self._lock:
            return CacheUse(self._made, self._found, self._damaged)

    def _recall(self, key: str, memory_alone: bool = False) -> Clip | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                self._found += 1
                return self._held[key]
        if self.path is None or memory_alone:
            return None
        file = self._file(key)
        clip = read_clip(file)
        with self._lock:
            if clip is None:
                self._damaged += file.exists()
                return None
            self._found += 1
        self._hold(key, clip)
        return clip

    def _keep(self, key: str, clip: Clip) -> None:
        if self.path is not None:
            write_clip(self._file(key), clip)
        with self._lock:
            self._made += 1
        self._hold(key, clip)

    def _hold(self, key: str, clip: Clip) -> None:
        with self._lock:
            if key in self._held:
                return
            self._held[key] = clip
            self._bytes += clip.samples.nbytes
            while self._bytes > self.memory and self._held:
                _, gone = self._held.popitem(last=False)
                self._bytes -= gone.samples.nbytes

    def _file(self, key: str) -> Path:
        assert self.path is not None
        return self.path / key[:2] / f"{key}.wav"


def clip_key(engine: BaseTTS, text: str, spoken: str, voice: Any, language: str, seed: int) -> str:
    """Return the name of a clip: a BLAKE2b digest (RFC 7693) of all that its sound depends on.

    Raises:
        UserError: if the voice or the engine cannot be described.
    """
    import hashlib

    data = {
        "engine": described(engine.json(), "the engine"),
        "voice": described(voice, "the voice"),
        "language": language,
        "text": text,
        "spoken": spoken,
        "seed": int(seed),
    }
    written = json.dumps(data, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(written.encode("ascii"), digest_size=_DIGEST).hexdigest()


def _spoken_clip(engine: BaseTTS, text: str, spoken: SpokenText, voice: Any, language: str, seed: int) -> Clip:
    numpy = need("numpy", extra="audio", why="keep clips")
    if not spoken.strip():
        rate = engine.sample_rate or 16000
        return Clip(numpy.zeros(0, dtype=numpy.float32), rate, spoken.timed(()))
    clip = engine.speak(str(spoken), voice, language=language, seed=seed)
    samples = numpy.array(clip.samples, dtype=numpy.float32)
    if not numpy.isfinite(samples).all():
        raise TTSError(f"{engine.name or type(engine).__name__} made samples that are not numbers, for {text[:60]!r}")
    if not clip.words:
        return Clip(samples, clip.rate)
    expected = len(spoken.split())
    if len(clip.words) != expected:
        heard = SpokenText(spoken, aligned(text, " ".join(word.text.replace(" ", "_") for word in clip.words)).pieces)
        return Clip(samples, clip.rate, heard.timed(clip.words))
    return Clip(samples, clip.rate, spoken.timed(clip.words))
