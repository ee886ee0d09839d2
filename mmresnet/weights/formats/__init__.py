"""Files of weights: reading any format without running code; writing .pth and .safetensors."""
