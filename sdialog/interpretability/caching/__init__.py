"""What stands behind an activation cache: rows, labels and files that grow."""
