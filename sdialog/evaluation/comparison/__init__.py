"""Comparing sets of dialogs: intervals, tests, corrections, slices, and claims that are checked."""
