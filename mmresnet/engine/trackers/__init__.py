"""Trackers that outlive failures: W&B and MLflow, whose servers may be out of reach.

A training never ends because of its tracker, nor waits long for it. All that is logged is in the
work directory as well, from which the curves of a resumed run are given to its tracker again.
"""
