"""When each utterance of a conversation is heard: gaps, overlaps, interruptions and back-channels, as data."""

from __future__ import annotations

from sdialog.audio.timeline.backchannels import Backchannel, plan_backchannels
from sdialog.audio.timeline.description import Timing
from sdialog.audio.timeline.fitting import fit_timing
from sdialog.audio.timeline.laws import Fixed, Histogram, Law, LogNormal, Uniform, law_from
from sdialog.audio.timeline.layout import ask_gaps, lay_out
from sdialog.audio.timeline.listener_words import LISTENER_WORDS, listener_words
from sdialog.audio.timeline.measures import Target, TimelineStatistics, measure
from sdialog.audio.timeline.pieces import Dropped, Placed, Timeline, Transition, Utterance
from sdialog.audio.timeline.published import place_turns, sample_pause, validate_pauses
from sdialog.audio.timeline.spans import Occupancy, Span, Transfers, distance, joined, occupancy, transfers

__all__ = [
    "LISTENER_WORDS",
    "Backchannel",
    "Dropped",
    "Fixed",
    "Histogram",
    "Law",
    "LogNormal",
    "Occupancy",
    "Placed",
    "Span",
    "Target",
    "Timeline",
    "TimelineStatistics",
    "Timing",
    "Transfers",
    "Transition",
    "Uniform",
    "Utterance",
    "ask_gaps",
    "distance",
    "fit_timing",
    "joined",
    "law_from",
    "lay_out",
    "listener_words",
    "measure",
    "occupancy",
    "place_turns",
    "plan_backchannels",
    "sample_pause",
    "transfers",
    "validate_pauses",
]
