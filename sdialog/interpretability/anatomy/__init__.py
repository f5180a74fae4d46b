"""Where things are inside a model, by family, and functions called there."""
