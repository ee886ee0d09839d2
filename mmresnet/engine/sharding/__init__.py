"""Weights, gradients and the optimizer's state divided among processes, by torch's FSDP2."""
