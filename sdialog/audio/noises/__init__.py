"""Noises: each a file of this folder, found by its name."""

from __future__ import annotations

from sdialog.audio.noises.base import Noise, in_band, in_band_power, noise_band, noises, unit_power
from sdialog.audio.noises.recorded import recorded_noise

__all__ = ["Noise", "in_band", "in_band_power", "noise_band", "noises", "recorded_noise", "unit_power"]
