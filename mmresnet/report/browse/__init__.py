"""What a net will see: the images of a config's data set, as they are augmented, and statistics."""
