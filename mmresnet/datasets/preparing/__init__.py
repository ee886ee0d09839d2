"""Data sets as their publishers' archives, turned into the folders that recipes read."""
