"""Language models as judges of dialogs."""
