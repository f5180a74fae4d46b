"""Voice databases, one a file: where voices come from."""
