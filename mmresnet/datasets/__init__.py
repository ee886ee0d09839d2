"""Data sets: COCO's format, and demonstration sets that need no download."""
