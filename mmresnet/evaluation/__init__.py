"""Numbers out. The registry imports a metric's module when the metric is named."""
