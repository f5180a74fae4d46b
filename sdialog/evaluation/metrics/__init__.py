"""Metrics of one dialog, one file a kind."""
