"""What a training or a test found, as one HTML file."""
