"""Faster R-CNN with the improvements of He et al. 2015, Appendix B, on mmdet's parts."""
