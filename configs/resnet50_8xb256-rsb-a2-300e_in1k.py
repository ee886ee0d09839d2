"""ResNet-50, procedure A2 of ResNet Strikes Back (Wightman et al. 2021), 300 epochs.

    tools/dist_train.sh configs/resnet50_8xb256-rsb-a2-300e_in1k.py 8

SyncBN needs several devices; on a single one, pass ``model.backbone.norm_cfg.type=BN``.

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb256-rsb-a2-300e_in1k.py.
Expect 79.55 % top-1 (timm's own weights of this procedure: 79.83 %).
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
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0, use_sigmoid=True),
        topk=(1, 5),
    ),
    train_cfg=dict(augments=[dict(type="Mixup", alpha=0.1), dict(type="CutMix", alpha=1.0)]),
)

train_dataloader = dict(sampler=dict(type="RepeatAugSampler", shuffle=True))  # 3 repeats

param_scheduler = _base_.param_scheduler
param_scheduler[1].update(T_max=295, end=300)
train_cfg = dict(max_epochs=300)
