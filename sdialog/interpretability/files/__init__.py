"""Arrays as files."""
