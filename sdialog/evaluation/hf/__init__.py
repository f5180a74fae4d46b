"""Metrics of the Hugging Face library ``evaluate`` as scores, and scores as its modules."""
