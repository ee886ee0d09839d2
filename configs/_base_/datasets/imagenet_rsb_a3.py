"""ImageNet as ResNet Strikes Back augments it for A3: as for A1 and A2, but RandAugment level 6."""

_base_ = "./imagenet_rsb_a12.py"

train_pipeline = _base_.train_pipeline
train_pipeline[3].update(magnitude_level=6)  # RandAugment
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
