"""Evaluators: from many dialogs to one number, or some by name."""
