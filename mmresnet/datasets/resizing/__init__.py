"""Copies of folders of images in which the images are smaller."""
