"""ResNet-50, procedure A1 of ResNet Strikes Back (Wightman et al. 2021), 600 epochs.

    tools/dist_train.sh configs/resnet50_8xb256-rsb-a1-600e_in1k.py 8

SyncBN wants several devices; on a single one pass ``model.backbone.norm_cfg.type=BN``.

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb256-rsb-a1-600e_in1k.py.
Expect 80.12 % top-1 (timm's own weights of this procedure: 80.38 %).
"""

_base_ = [
    "./_base_/datasets/imagenet_rsb_a12.py",
    "./_base_/schedules/imagenet_rsb_100e.py",
    "./_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(
        type="mmresnet.ResNet",
        depth=50,
        norm_cfg=dict(type="SyncBN", requires_grad=True),
        drop_path_rate=0.05,
    ),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=1000,
        in_channels=2048,
        loss=dict(
            type="mmresnet.LabelSmoothLoss",
            label_smooth_val=0.1,
            mode="original",
            use_sigmoid=True,
            loss_weight=1.0,
        ),
        topk=(1, 5),
    ),
    train_cfg=dict(augments=[dict(type="Mixup", alpha=0.2), dict(type="CutMix", alpha=1.0)]),
)

train_dataloader = dict(sampler=dict(type="RepeatAugSampler", shuffle=True))  # 3 repeats

optim_wrapper = dict(optimizer=dict(weight_decay=0.01))
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(type="CosineAnnealingLR", T_max=595, eta_min=1e-6, by_epoch=True, begin=5, end=600),
]
train_cfg = dict(max_epochs=600)
