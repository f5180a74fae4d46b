"""Validators: scores of 1 for a dialog that passes and 0 for one that does not, one file a kind."""
