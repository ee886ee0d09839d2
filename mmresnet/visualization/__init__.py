"""Pictures: curves, boxes and labels, sheets of images."""
