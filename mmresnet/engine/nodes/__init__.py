"""Training on several machines: data parallelism, what they must share, processes that hang."""
