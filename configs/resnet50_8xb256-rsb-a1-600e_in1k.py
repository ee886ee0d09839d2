"""ResNet-50, procedure A1 of ResNet Strikes Back (Wightman et al. 2021), 600 epochs.

    tools/dist_train.sh configs/resnet50_8xb256-rsb-a1-600e_in1k.py 8

It differs from A2 in label smoothing, more Mixup, less weight decay and twice the epochs.
SyncBN needs several devices; on a single one, pass ``model.backbone.norm_cfg.type=BN``.

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb256-rsb-a1-600e_in1k.py.
Expect 80.12 % top-1 (timm's own weights of this procedure: 80.38 %).
"""

_base_ = "./resnet50_8xb256-rsb-a2-300e_in1k.py"

model = dict(
    head=dict(
        loss=dict(type="mmresnet.LabelSmoothLoss", label_smooth_val=0.1, mode="original"),
    ),
    train_cfg=dict(augments=[dict(type="Mixup", alpha=0.2), dict(type="CutMix", alpha=1.0)]),
)

optim_wrapper = dict(optimizer=dict(weight_decay=0.01))
param_scheduler = _base_.param_scheduler
param_scheduler[1].update(T_max=595, end=600)
train_cfg = dict(max_epochs=600)
