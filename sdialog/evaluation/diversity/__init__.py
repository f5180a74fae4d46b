"""How varied a corpus is, what it repeats, and what it shares with another."""
