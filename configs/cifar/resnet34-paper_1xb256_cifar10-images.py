"""ResNet-34 of a quarter of the width on CIFAR-10 as images: the paper's ImageNet recipe, small.

    python tools/train.py configs/cifar/resnet34-paper_1xb256_cifar10-images.py

Source: the paper's training for ImageNet (He et al. 2015, Sec. 3.4), resnet34-paper_8xb32_in1k,
with lengths in pixels divided by seven: short sides from 37 to 69, crops of 32×32. The stem is a
3×3 convolution without pooling, so that the last map of a crop has 4×4 cells; by the paper's stem
it would be a single one. The first stage has 16 channels; 12 epochs instead of 120. It is for
`mmresnet paper … --small`. No number is published for it.
"""

_base_ = "../resnet34-paper_8xb32_in1k.py"

data_root = "data/cifar10_images"
num_classes = 10
batch_size = 256  # per device
num_workers = 2  # per device

data_preprocessor = dict(num_classes=num_classes)

train_pipeline = _base_.train_pipeline
train_pipeline[1].update(scale=[(100_000, 37), (100_000, 69)])
train_pipeline[2].update(crop_size=32)
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(scale=37)
test_pipeline[2].update(crop_size=32)

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    dataset=dict(data_root=data_root, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    dataset=dict(data_root=data_root, data_prefix="test", pipeline=test_pipeline),
)
test_dataloader = val_dataloader

model = dict(
    backbone=dict(type="mmresnet.ResNet_CIFAR", base_channels=16),
    head=dict(num_classes=num_classes, in_channels=128),
)

param_scheduler = dict(milestones=[3, 6, 9])
train_cfg = dict(max_epochs=12)
