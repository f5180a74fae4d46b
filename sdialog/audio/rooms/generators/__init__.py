"""Rooms drawn at random: one file a kind, each registers its generator under its file name."""
