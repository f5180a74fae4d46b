"""Pictures of a recording: who speaks when, its waveform and its spectrogram, for print and for a notebook."""

from __future__ import annotations

from sdialog.audio.pictures.figure import draw_audio as draw_audio
from sdialog.audio.pictures.snippet import audio_html as audio_html

__all__ = ["audio_html", "draw_audio"]
