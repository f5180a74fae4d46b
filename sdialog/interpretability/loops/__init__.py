"""The parts of closed loops: what they read, what they do in one conversation, and what dialogs keep of it."""
