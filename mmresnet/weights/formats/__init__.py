"""Reading any file of weights, running none; writing."""
