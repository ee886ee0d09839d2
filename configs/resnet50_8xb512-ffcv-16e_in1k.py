"""ResNet-50 in the manner of FFCV's recipes: progressive resizing, 16 epochs on 8 × 512 images.

    tools/dist_train.sh configs/resnet50_8xb512-ffcv-16e_in1k.py 8

Training images have 160×160 pixels up to epoch 12 and 192×192 afterwards; tests are at 256×256,
since a net sees objects larger in random crops than in tests (Touvron et al. 2019, "Fixing the
train-test resolution discrepancy"). The learning rate rises linearly to 1.7 in two epochs and falls
linearly to 0; labels are smoothed, and norm layers have no weight decay. ``-40e`` and ``-88e`` are
longer. Any other length E:

    --cfg-options train_cfg.max_epochs=E param_scheduler.1.end=E \
        train_dataloader.dataset.pipeline.1.begin=⌊0.74·E⌋ \
        train_dataloader.dataset.pipeline.1.end=⌊0.864·E⌋

Source: github.com/libffcv/ffcv-imagenet, rn50_configs. Differences: there, convolutions with a
stride blur their inputs (BlurPool), so that weights are not those of a plain ResNet-50; tests
average over an image and its mirror image; images come from a file in which they are resized to at
most 500 pixels; and norm layers of shortcuts have weight decay. No number is published without
these; with them, FFCV gives 73.8 %.
"""

_base_ = ["./_base_/datasets/imagenet.py", "./_base_/default_runtime.py"]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet", depth=50),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=1000,
        in_channels=2048,
        loss=dict(
            type="mmresnet.LabelSmoothLoss",
            label_smooth_val=0.1,
            mode="original",
            loss_weight=1.0,
        ),
        topk=(1, 5),
    ),
)

batch_size = 512  # per device

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(
        type="mmresnet.ProgressiveRandomResizedCrop",
        min_scale=160,
        max_scale=192,
        begin=11,
        end=13,
        divisor=32,
    ),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="ResizeEdge", scale=293, edge="short"),  # the crop is 224 / 256 of it
    dict(type="CenterCrop", crop_size=256),
    dict(type="PackInputs"),
]
train_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=test_pipeline))

optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=1.7, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=2,
        convert_to_iter_based=True,
    ),
    dict(
        type="LinearLR",
        start_factor=1.0,
        end_factor=0.0,
        by_epoch=True,
        begin=2,
        end=16,
        convert_to_iter_based=True,
    ),
]
# named, so that the epoch of a sample is known with mmengine's own Runner, too
train_cfg = dict(type="mmresnet.EpochBasedTrainLoop", max_epochs=16, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=4096)
