"""Faster R-CNN with Caffe-style ResNet-50 and FPN on COCO, 12 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/faster-rcnn_r50-caffe_fpn_1x_coco.py 8

The weights are the original ones of He et al., from detectron2: stride in the first 1×1, BGR images
with the mean subtracted, frozen norm layers.

Source: mmdet 3.3.0, configs/faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py.
Expect 37.8 box AP.
"""

_base_ = "./faster-rcnn_r50_fpn_1x_coco.py"

model = dict(
    data_preprocessor=dict(mean=[103.530, 116.280, 123.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False),
    backbone=dict(
        norm_cfg=dict(requires_grad=False),
        style="caffe",
        init_cfg=dict(type="Pretrained", checkpoint="open-mmlab://detectron2/resnet50_caffe"),
    ),
)
