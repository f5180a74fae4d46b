"""Dialogs and texts as vectors."""
