"""ImageNet localization by R-CNN on ResNet-101 and the proposals of an RPN, 30 epochs on 8 × 32.

    mmresnet propose resnet101-rpn-dense_8xb32_imagenet-loc \\
        work_dirs/resnet101-rpn_8xb32_imagenet-loc/epoch_30.pth data/proposals/train --split train
    mmresnet propose resnet101-rpn-dense_8xb32_imagenet-loc \\
        work_dirs/resnet101-rpn_8xb32_imagenet-loc/epoch_30.pth data/proposals/val \\
        --cfg-options test_dataloader.dataset.scores=scores.npz
    mmresnet train resnet101-rcnn_8xb32_imagenet-loc --nproc 8 --cfg-options scores=scores.npz

He et al. 2015, Appendix C and Table 13, which has 10.6 % top-5 error. From the paper: for each
training image the 200 boxes of highest score for its class; a region of one of them, warped to
224×224 pixels, per image and step, 256 in all ("RoI-centric"); sibling layers for scores and boxes
in per-class form; for a test image 200 proposals for each predicted class, whose scores and boxes
are updated. The paper does not say, and these are choices: a region shows its object from an IoU of
0.5 on, and one in four does, as in R-CNN; no context around regions; proposals without
non-maximum suppression; the box with the highest new score is a class's; the schedule.
"""

_base_ = ["../_base_/datasets/imagenet_loc.py", "../_base_/default_runtime.py"]

scores = None  # the file with which the proposals for validation were made
train_pipeline = [
    dict(type="mmresnet.LoadImageWithBoxes"),
    dict(type="mmresnet.CropRegion", size=224),
    dict(type="PackInputs", algorithm_keys=("region_label", "region_deltas")),
]
train_dataloader = dict(
    dataset=dict(proposals="data/proposals/train", pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(scores=scores, proposals="data/proposals/val"))
test_dataloader = val_dataloader

model = dict(
    type="mmresnet.RegionLocalizer",
    backbone=dict(
        type="mmresnet.ResNet",
        depth=101,
        init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet101"),
    ),
    head=dict(type="mmresnet.PerClassRegionHead", num_classes=1000, in_channels=2048),
    size=224,
)

optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(type="MultiStepLR", by_epoch=True, milestones=[20], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=5)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=256)
default_hooks = dict(checkpoint=dict(save_best="loc/error_gt_class", rule="less"))
