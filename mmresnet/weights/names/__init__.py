"""The names of a ResNet's tensors: one table per publisher, and matching by role."""
