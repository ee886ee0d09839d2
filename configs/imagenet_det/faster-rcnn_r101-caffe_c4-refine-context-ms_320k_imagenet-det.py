"""Faster R-CNN with the paper's improvements on ImageNet DET (He et al. 2015, Table 12).

    tools/dist_train.sh \\
        configs/imagenet_det/faster-rcnn_r101-caffe_c4-refine-context-ms_320k_imagenet-det.py 8

Box refinement, global context and multi-scale testing; trained on train and val1, tested on val2.

Source: the paper, Appendix B: the detector is that for COCO. Expect 60.5 box AP (DET's mAP) on
val2; on the test set the server gave 58.8.

Differences: those of faster-rcnn_r101-caffe_c4_320k_imagenet-det.
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4-refine-context-ms_paper.py",
    "../_base_/datasets/imagenet_det.py",
    "../_base_/schedules/faster_rcnn_coco_320k.py",
    "../_base_/detection_iterations.py",
]

model = dict(
    roi_head=dict(bbox_head=dict(num_classes={{_base_.num_classes}})),
    train_cfg=dict(rcnn=dict(sampler=dict(num=64))),
)

default_hooks = dict(checkpoint=dict(save_best="imagenet_det/mAP"))
