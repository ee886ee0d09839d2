"""ImageNet as He et al. 2015 (Sec. 3.4) augment it: VGG's scales and AlexNet's colours."""

_base_ = "./imagenet.py"

train_pipeline = [
    dict(type="LoadImageFromFile"),
    # the short side, drawn from 256 to 480
    dict(type="RandomResize", scale=[(100_000, 256), (100_000, 480)], keep_ratio=True),
    dict(type="RandomCrop", crop_size=224),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    # AlexNet, Sec. 4.1: along the principal components of ImageNet's colours, in the order in
    # which images are read: BGR
    dict(
        type="Lighting",
        eigval=[0.2175, 0.0188, 0.0045],
        eigvec=[
            [-0.5836, -0.6948, 0.4203],
            [-0.5808, -0.0045, -0.8140],
            [-0.5675, 0.7192, 0.4009],
        ],
        alphastd=25.5,  # 0.1 on [0, 1]
        to_rgb=False,
    ),
    dict(type="PackInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
