"""Comparisons of models: differences of their figures, and whether they are more than chance."""
