"""Mistakes in a config, found before anything is built or explained when building fails."""
