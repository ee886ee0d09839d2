"""mmdet's detectors as modules that other runtimes can compute: one image in, its boxes out."""
