"""From domain values to the words and numbers that a template prints; nothing is decided here."""
