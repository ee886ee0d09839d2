"""ImageNet localization by a per-class RPN on ResNet-101, 30 epochs on 8 × 32 images.

    mmresnet train resnet101-rpn_8xb32_imagenet-loc --nproc 8

He et al. 2015, Appendix C and Table 13, which has 13.3 % error on the given class with this center
crop of 224×224 pixels. From the paper: the net, pre-trained for classification and fine-tuned as a
whole; a logistic regression and a box regressor for each class and anchor; crops as in Sec. 3.4;
256 images per step; eight anchors of each image, half of them positive. The paper does not say, and
these are choices: RPN on conv5 (stride 32) with Faster R-CNN's 3×3 convolution before the sibling
layers; nine anchors, of 64², 128² and 256² pixels and aspect ratios of 1:2, 1:1 and 2:1; Faster
R-CNN's IoUs of 0.7 and 0.3 and its loss; the learning rate and the schedule; no colour
augmentation; normal batch norm.

The classes to localize come from a classifier's scores, which ``mmresnet test --scores`` writes for
the same images: ``--cfg-options test_dataloader.dataset.scores=scores.npz``.
"""

_base_ = ["../_base_/datasets/imagenet_loc.py", "../_base_/default_runtime.py"]

model = dict(
    type="mmresnet.Localizer",
    backbone=dict(
        type="mmresnet.ResNet",
        depth=101,
        init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet101"),
    ),
    head=dict(
        type="mmresnet.PerClassRPNHead",
        num_classes=1000,
        in_channels=2048,
        feat_channels=512,
        stride=32,
        anchor_sizes=(64, 128, 256),
        anchor_ratios=(0.5, 1.0, 2.0),
    ),
    test_cfg=dict(scales=(256,), crop=224),
)

optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(type="MultiStepLR", by_epoch=True, milestones=[20], gamma=0.1)
train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=256)
default_hooks = dict(checkpoint=dict(save_best="loc/error_gt_class", rule="less"))
