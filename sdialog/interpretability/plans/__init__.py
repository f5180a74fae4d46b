"""Plans beyond their description: checked before a run, read from files, changing over tokens and turns."""
