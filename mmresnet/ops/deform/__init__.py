"""Deformable convolution and attention."""
