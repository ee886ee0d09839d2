"""Images in: the embedded digits."""
