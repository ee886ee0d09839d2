"""The commands `mmresnet demo-data …`."""
