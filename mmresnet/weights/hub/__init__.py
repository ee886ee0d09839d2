"""Public weights: the catalogue, downloads, the cache."""
