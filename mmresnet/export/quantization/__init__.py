"""Models in 8 bits: calibration, layers that stay in float32, the gain in speed."""
