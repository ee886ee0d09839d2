"""Where a classifier fails, how far its scores can be trusted, and which images mislead."""
