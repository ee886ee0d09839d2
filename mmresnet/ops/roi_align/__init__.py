"""RoIAlign on torchvision's kernels, or as a sparse product."""
