"""Checkpoint files that exist whole or not at all, and saving before a process is ended."""
