"""Rooms made audible: impulse responses, what they measure, and speech in them."""

from __future__ import annotations

from sdialog.audio.acoustics.cache import RirCache, RirUse
from sdialog.audio.acoustics.calibration import Calibration
from sdialog.audio.acoustics.convolution import convolve
from sdialog.audio.acoustics.decay import decay_curve, decay_time
from sdialog.audio.acoustics.effects import apply_rir, load_rir, simulate_rirs
from sdialog.audio.acoustics.measures import DIRECT_MS, Measured, measure, octave_decay_times
from sdialog.audio.acoustics.motion import Way, WayResponses, convolve_along, way_responses
from sdialog.audio.acoustics.recorded import direct_sample, recorded_responses
from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.audio.acoustics.simulation import METHODS, impulse_responses

__all__ = [
    "DIRECT_MS",
    "METHODS",
    "Calibration",
    "Measured",
    "RirCache",
    "RirUse",
    "RoomResponses",
    "Way",
    "WayResponses",
    "apply_rir",
    "convolve",
    "convolve_along",
    "decay_curve",
    "decay_time",
    "direct_sample",
    "impulse_responses",
    "load_rir",
    "measure",
    "octave_decay_times",
    "recorded_responses",
    "simulate_rirs",
    "way_responses",
]
