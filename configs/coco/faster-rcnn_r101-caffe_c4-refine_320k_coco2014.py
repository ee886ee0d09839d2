"""The paper's Faster R-CNN for COCO with box refinement (He et al. 2015, Table 9).

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_c4-refine_320k_coco2014.py 8

The training is that of faster-rcnn_r101-caffe_c4_320k_coco2014, whose checkpoints this tests as
well. docs/detection_improvements.md describes the steps.

Source: the paper, Appendix B. Expect 29.9 box AP (49.9 at an IoU of 0.5), on val2014.

Differences: those of faster-rcnn_r101-caffe_c4_320k_coco2014.
"""

_base_ = "./faster-rcnn_r101-caffe_c4_320k_coco2014.py"

model = dict(
    roi_head=dict(type="mmresnet.RoIHead"),
    test_cfg=dict(
        rcnn=dict(
            box_refinement=True,
            nms=dict(type="nms", iou_threshold=0.3),
            box_voting=dict(iou_threshold=0.5),
        )
    ),
)
