"""The commands `mmresnet plot …`."""
