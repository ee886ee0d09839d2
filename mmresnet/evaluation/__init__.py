"""Metrics and model complexity. The registry imports a metric's module when it is needed."""
