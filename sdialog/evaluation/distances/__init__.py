"""How far one sample, or one corpus, is from another."""
