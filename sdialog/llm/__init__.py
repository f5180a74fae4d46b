"""Talking to language models: requests, scheduling, middleware, structured output, prompts."""
