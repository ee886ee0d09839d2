"""Configs: found, loaded, overridden, walked, checked."""
