"""Which tokens of a conversation are meant: what each token belongs to, and spans over them."""
