"""ImageNet's detection task (DET): 200 classes in VOC's format, val1 and val2."""
