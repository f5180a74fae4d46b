"""Dialogue flow: the graph of how dialogs go, learnt from reference dialogs, and how well other dialogs follow it."""
