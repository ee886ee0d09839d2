"""ResNet-18 with a 3×3 stem on CIFAR-10 in a short training: 16 epochs of 512 images per step.

    python tools/train.py configs/cifar/resnet18_1xb512-onecycle_cifar10.py

The learning rate goes up and down once, linearly (one-cycle: Smith & Topin 2017). Any other number
of epochs E, with a fifth of it to rise:

    --cfg-options train_cfg.max_epochs=E param_scheduler.0.end=E/5 param_scheduler.1.begin=E/5 \
        param_scheduler.1.end=E

Sources: Page 2018, "How to Train Your ResNet" (learning rate 0.4 at 512 images per step, about a
fifth of the training to rise, Nesterov momentum, weight decay 5e-4, label smoothing), and Jordan
2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (alternating flips, shifts by two pixels,
averaged weights), each with a smaller net of its own. No number is published for this one.
"""

_base_ = ["../_base_/datasets/cifar10.py", "../_base_/default_runtime.py"]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet_CIFAR", depth=18),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=10,
        in_channels=512,
        loss=dict(
            type="mmresnet.LabelSmoothLoss",
            label_smooth_val=0.1,
            mode="original",
            loss_weight=1.0,
        ),
    ),
)

batch_size = 512

train_pipeline = [
    dict(type="RandomCrop", crop_size=32, padding=2, pad_val=(125, 123, 114)),  # the mean colour
    dict(type="mmresnet.AlternatingFlip", direction="horizontal"),
    dict(type="PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size, dataset=dict(pipeline=train_pipeline), drop_last=True
)
val_dataloader = dict(batch_size=batch_size)
test_dataloader = dict(batch_size=batch_size)

optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.4, momentum=0.9, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(bias_decay_mult=0.0, norm_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=0.05,
        by_epoch=True,
        begin=0,
        end=3,
        convert_to_iter_based=True,
    ),
    dict(
        type="LinearLR",
        start_factor=1.0,
        end_factor=0.0,
        by_epoch=True,
        begin=3,
        end=16,
        convert_to_iter_based=True,
    ),
]
# named, so that the epoch of a sample is known with mmengine's own Runner, too
train_cfg = dict(type="mmresnet.EpochBasedTrainLoop", max_epochs=16, val_interval=4)
val_cfg = dict()
test_cfg = dict()
auto_scale_lr = dict(base_batch_size=512)

custom_hooks = [
    # over about an epoch of 97 steps
    dict(type="EMAHook", momentum=0.05, interval=5, update_buffers=True),
]
