"""COCO's format: annotations as columns, their checks, the data set."""
