"""Training that watches itself: non-finite values, the speed and what bounds it."""
