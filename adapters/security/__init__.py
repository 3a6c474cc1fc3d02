"""Passwords, names and secrets: what must be slow to guess or impossible to."""
