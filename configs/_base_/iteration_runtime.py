"""Runtime of recipes that count iterations: they save and report by iterations, not by epochs."""

_base_ = "./default_runtime.py"

default_hooks = dict(checkpoint=dict(by_epoch=False, interval=2_000))
log_processor = dict(by_epoch=False)
