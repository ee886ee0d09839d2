"""Several runs beside each other: what ``mmresnet compare`` prints and writes."""
