"""Numbered notebooks, and what runs them."""
