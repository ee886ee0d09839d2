"""CIFAR-10 as folders of images, ``train/<class>/*.jpg`` and ``test/<class>/*.jpg``, 128 per step.

The classes are the names of the folders in sorted order, which is CIFAR-10's own order of labels.
Images are normalised with ImageNet's mean and standard deviation, as the public weights of
pytorch_resnet_cifar10 expect: on [0, 1] there, the same on 0…255 here.
"""

data_root = "data/cifar10_images"
num_classes = 10
batch_size = 128  # per device
num_workers = 2  # per device
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them

data_preprocessor = dict(
    num_classes=num_classes,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,  # images are read as BGR; mean and std are those of RGB
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="RandomCrop", crop_size=32, padding=4),  # the border is black
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="PackInputs"),
]

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    pin_memory=True,
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmresnet.CustomDataset",
        data_root=data_root,
        data_prefix="train",
        on_bad_sample=on_bad_sample,
        pipeline=train_pipeline,
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
        type="mmresnet.CustomDataset",
        data_root=data_root,
        data_prefix="test",
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
    sampler=dict(type="DefaultSampler", shuffle=False),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="Accuracy", topk=(1,))
test_evaluator = val_evaluator
