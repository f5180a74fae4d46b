"""Which sound files the labels of a recording are about."""

from __future__ import annotations

from collections.abc import Sequence

from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem
from sdialog.core.errors import UserError


def sound_files(labels: Labels, name: str, audio: str | Sequence[str] | None) -> list[str]:
    """Return the sound file, or one file a channel.

    Args:
        labels: of the recording.
        name: of the recording, which names the file where none is given.
        audio: a file with all channels, or one file for each channel.

    Raises:
        UserError: if there are neither one file nor as many as channels.
    """
    files = [f"{file_stem(name)}.wav"] if audio is None else [audio] if isinstance(audio, str) else list(audio)
    if len(files) not in (1, labels.channels):
        raise UserError(f"audio= takes one file, or one for each of the {labels.channels} channels, not {len(files)}")
    return files


def sample_count(labels: Labels) -> int:
    """Return how many samples a channel of the recording has."""
    return round(labels.duration * labels.sample_rate)
