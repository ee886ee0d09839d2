"""ResNet-34 as the paper trains it (He et al. 2015, Sec. 3.4), 120 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet34-paper_8xb32_in1k.py 8

Source: the paper. Images are resized to a short side from 256 to 480, cropped to 224×224, flipped,
and their colours changed as in AlexNet; the last norm layers of blocks do not start at zero.
Differences: the mean colour is subtracted, not the mean image. The learning rate is divided by 10
after 30, 60 and 90 epochs; the paper does so "when the error plateaus". 120 epochs are its 600,000
steps.

The paper's other nets by options: `model.backbone.type=mmresnet.PlainNet`,
`model.backbone.shortcut=A`, `model.backbone.depth=50 model.backbone.style=caffe
model.head.in_channels=2048`. With 10 crops it reports 24.52 % top-1 error for ResNet-34 (Table 3,
B). No number is published for the single crop of a validation.
"""

_base_ = [
    "./_base_/datasets/imagenet_paper.py",
    "./_base_/schedules/imagenet_100e.py",
    "./_base_/default_runtime.py",
]

model = dict(
    type="ImageClassifier",
    backbone=dict(type="mmresnet.ResNet", depth=34, zero_init_residual=False),
    neck=dict(type="mmresnet.GlobalAveragePooling"),
    head=dict(
        type="mmresnet.LinearClsHead",
        num_classes=1000,
        in_channels=512,
        loss=dict(type="mmresnet.CrossEntropyLoss", loss_weight=1.0),
        topk=(1, 5),
    ),
)

train_cfg = dict(max_epochs=120)
