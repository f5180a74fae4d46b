"""Channels: what is between a microphone and whoever listens, each a file of this folder, found by its name."""

from __future__ import annotations

from sdialog.audio.channels.base import Chain, Channel, ChannelOutput, channel_from, channels

__all__ = ["Chain", "Channel", "ChannelOutput", "channel_from", "channels"]
