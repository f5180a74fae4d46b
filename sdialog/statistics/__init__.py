"""How sure a number is, and whether two of them differ."""
