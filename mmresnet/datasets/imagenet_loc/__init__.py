"""ILSVRC's localization task: images with boxes, and proposals for them."""
