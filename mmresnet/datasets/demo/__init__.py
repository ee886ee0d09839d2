"""Scikit-learn's handwritten digits, as folders of images and as scenes with boxes."""
