"""Faster R-CNN with ResNet-101 on ImageNet DET: train and val1, tested on val2.

    tools/dist_train.sh configs/imagenet_det/faster-rcnn_r101-caffe_c4_320k_imagenet-det.py 8

Source: He et al. 2015, Appendix B: the detector for COCO, trained on DET. The paper does not give
the schedule; it is that of COCO here (faster-rcnn_r101-caffe_c4_320k_coco2014, with its
differences). No number is published for this baseline: those of Table 12 are with all improvements
(faster-rcnn_r101-caffe_c4-refine-context-ms_320k_imagenet-det).
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4_paper.py",
    "../_base_/datasets/imagenet_det.py",
    "../_base_/schedules/faster_rcnn_coco_320k.py",
    "../_base_/detection_iterations.py",
]

model = dict(
    rpn_head=dict(anchor_generator=dict(scales=[4, 8, 16, 32])),  # 64 to 512 pixels
    roi_head=dict(bbox_head=dict(num_classes={{_base_.num_classes}})),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))),
)

default_hooks = dict(checkpoint=dict(save_best="imagenet_det/mAP"))
