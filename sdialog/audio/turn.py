"""A turn of a dialog with its sound, as published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, PrivateAttr

from sdialog.core.errors import UserError
from sdialog.core.turns import Turn

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples, Word

UNKNOWN = -1.0
"""What published fields hold before they are known."""


class AudioTurn(Turn):
    """What one speaker says, and how it sounds.

    Args:
        sampling_rate: samples a second; -1 before it is spoken.
        audio_path: file of the utterance.
        audio_duration: seconds; -1 before it is spoken.
        audio_start_time: seconds from the beginning of the recording; -1 before it is placed.
        snr: published, in dB; kept as it is given.
        voice: identifier of the voice.
        position: role of the speaker, which is also where they are in a room.
        microphone_position: where it was recorded.
        is_stored_in_dscaper: published; nothing is stored there.
        gap_duration: seconds from the end of this turn to the beginning of the next; below 0 they overlap.
        text_with_tags: the text with its sound effects, such as ``[door]``.
        sound_effects: the effects: ``tag``, ``position``, ``start_time`` in seconds from the beginning of the turn, and
            ``duration``.
        words: each word with its start and end in seconds from the beginning of the turn.

    Example:
        >>> AudioTurn.from_turn(Turn(speaker="Ann", text="Hi!")).audio_duration
        -1.0
    """

    sampling_rate: int = -1
    audio_path: str = ""
    audio_duration: float = UNKNOWN
    audio_start_time: float = UNKNOWN
    snr: float = UNKNOWN
    voice: str = ""
    position: str = ""
    microphone_position: str = ""
    is_stored_in_dscaper: bool = False
    gap_duration: float = 0.0
    text_with_tags: str = ""
    sound_effects: list[dict[str, Any]] = Field(default_factory=list)
    words: list[tuple[str, float, float]] = Field(default_factory=list)

    _audio: Any = PrivateAttr(default=None)

    @classmethod
    def from_turn(cls, turn: Turn) -> Self:
        """Return a turn with room for its sound; one that has sound is copied with it."""
        if isinstance(turn, cls):
            return turn.model_copy(deep=False)
        return cls(speaker=turn.speaker, text=turn.text)

    @property
    def spoken(self) -> bool:
        """Whether there is sound: in memory, or in a file that is there."""
        return self._audio is not None or bool(self.audio_path and Path(self.audio_path).is_file())

    def get_audio(self) -> Samples:
        """Return the samples, an array of shape (n,), read from ``audio_path`` if need be.

        Raises:
            UserError: if the turn has not been spoken.
        """
        if self._audio is None:
            if not self.spoken:
                where = f"; {self.audio_path} is not there" if self.audio_path else ""
                raise UserError(f"the turn {self.text[:40]!r} has no sound yet{where}: speak it, or call set_audio()")
            from sdialog.audio.files import read_audio
            from sdialog.audio.sound import mono

            samples, self.sampling_rate = read_audio(self.audio_path)
            self._audio = mono(samples)
        audio: Samples = self._audio
        return audio

    def set_audio(self, audio: Any, sampling_rate: int) -> None:
        """Give the turn its sound.

        Args:
            audio: array of shape (n,), or (n, channels), which are averaged.
            sampling_rate: samples a second.
        """
        from sdialog.audio.sound import mono

        self._audio = mono(audio)
        self.sampling_rate = int(sampling_rate)
        self.audio_duration = len(self._audio) / sampling_rate

    def word_times(self) -> tuple[Word, ...]:
        """Return the words with their times from the beginning of the turn, guessed where the engine told none."""
        from sdialog.audio.legacy.sound_effects import without_tags
        from sdialog.audio.sound import Word, words_evenly

        if self.words:
            return tuple(Word(text, start, end) for text, start, end in self.words)
        said = without_tags(self.text)
        return words_evenly(said, 0.0, max(self.audio_duration, 0.0)) if said.split() else ()
