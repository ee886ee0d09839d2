"""ResNet-50, torchvision's V2 recipe (IMAGENET1K_V2), 600 epochs on 8 × 128 images at 176×176.

    tools/dist_train.sh configs/resnet50_8xb128-tv-v2-600e_in1k.py 8

Source: torchvision, references/classification/train.py with ``--batch-size 128 --lr 0.5
--lr-scheduler cosineannealinglr --lr-warmup-epochs 5 --lr-warmup-method linear --auto-augment
ta_wide --epochs 600 --random-erase 0.1 --weight-decay 0.00002 --norm-weight-decay 0.0
--label-smoothing 0.1 --mixup-alpha 0.2 --cutmix-alpha 1.0 --train-crop-size 176 --model-ema
--val-resize-size 232 --ra-sampler --ra-reps 4``. Expect 80.86 % top-1 with the averaged weights.

Crops, flips, TrivialAugmentWide and erasing are torchvision's own transforms. Differences:
erasing fills 8-bit images with the rounded mean colour, where torchvision fills zeros after
normalisation; Mixup and CutMix pair images by random permutation, torchvision with their neighbour;
the sampler gives each device ceil(N / 8) images per epoch, torchvision's floor(N / 256) * 256 / 8.
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
    train_cfg=dict(augments=[dict(type="Mixup", alpha=0.2), dict(type="CutMix", alpha=1.0)]),
)

batch_size = 128  # per device
data_preprocessor = dict(to_rgb=False)  # the pipelines output RGB

train_pipeline = [
    dict(type="LoadImageFromFile", imdecode_backend="pillow"),
    dict(type="NumpyToPIL", to_rgb=True),
    dict(type="torchvision/RandomResizedCrop", size=176, interpolation="bilinear"),
    dict(type="torchvision/RandomHorizontalFlip", p=0.5),
    dict(type="torchvision/TrivialAugmentWide", interpolation="bilinear"),
    dict(type="torchvision/PILToTensor"),
    dict(type="torchvision/RandomErasing", p=0.1, value=(124, 116, 104)),
    dict(type="PackInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile", imdecode_backend="pillow"),
    dict(type="NumpyToPIL", to_rgb=True),
    dict(type="torchvision/Resize", size=232, interpolation="bilinear"),
    dict(type="torchvision/CenterCrop", size=224),
    dict(type="PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(pipeline=train_pipeline),
    sampler=dict(type="RepeatAugSampler", num_repeats=4),
)
val_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=test_pipeline))

optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.5, momentum=0.9, weight_decay=2e-5),
    paramwise_cfg=dict(norm_decay_mult=0.0),
)
param_scheduler = [
    # epochs 0 to 4 at 0.01, 0.208, … of the full rate, reached at epoch 5
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=6),
    dict(type="CosineAnnealingLR", T_max=595, eta_min=0.0, by_epoch=True, begin=5, end=600),
]
train_cfg = dict(by_epoch=True, max_epochs=600, val_interval=1)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=1024)

custom_hooks = [
    # torchvision: decay 0.99998, made independent of the batch size: 1 - decay becomes
    # 2e-5 * (1024 images per step) * (every 32 steps) / (600 epochs)
    dict(
        type="EMAHook",
        momentum=2e-5 * 1024 * 32 / 600,
        interval=32,
        begin_epoch=6,  # copied, not averaged, in the five epochs of warm-up
        update_buffers=True,
    ),
]
