"""Running trained models: sources of images, preprocessing, prediction, output files."""
