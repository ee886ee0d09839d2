"""The start of the configs of trainings that are the same however a batch is split."""

# GroupNorm, since batch statistics depend on how a batch is split; no augmentation
CONFIG = """
_base_ = [{base!r}]
model = dict(
    backbone=dict(
        depth=18, stem_channels=8, base_channels=8, norm_cfg=dict(type="GN", num_groups=4)
    ),
    head=dict(in_channels=64),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=32),
    dict(type="PackInputs"),
]
optim_wrapper = dict(optimizer=dict(lr=0.01))
val_dataloader = val_evaluator = val_cfg = None
"""
