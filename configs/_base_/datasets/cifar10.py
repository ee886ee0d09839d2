"""CIFAR-10: 50,000 images of 32×32 to train on, 10,000 to test on, 10 classes.

Downloaded into ``data_root`` at first use. 16 images per device, 8 devices.
"""

data_root = "data/cifar10"
num_classes = 10
batch_size = 16  # per device
num_workers = 2  # per device

data_preprocessor = dict(
    num_classes=num_classes,
    mean=[125.307, 122.961, 113.8575],
    std=[51.5865, 50.847, 51.255],
    to_rgb=False,  # the data set holds RGB
)

train_pipeline = [
    dict(type="RandomCrop", crop_size=32, padding=4),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [dict(type="PackInputs")]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.CIFAR10", data_root=data_root, split="train", pipeline=train_pipeline
    ),
    sampler=dict(type="DefaultSampler", shuffle=True),
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.CIFAR10", data_root=data_root, split="test", pipeline=test_pipeline
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="Accuracy", topk=(1,))
test_evaluator = val_evaluator
