"""Faster R-CNN with all improvements, from COCO to PASCAL VOC 2007 (He et al. 2015, Table 10).

    python tools/train.py configs/voc/faster-rcnn_r101-caffe_c4-refine-context-ms_80k_voc0712.py \\
        --cfg-options load_from=CHECKPOINT

"baseline+++": box refinement, global context and multi-scale testing. CHECKPOINT is that of
faster-rcnn_r101-caffe_c4-trainval_320k_coco2014; the layers for COCO's classes start anew.

Source: the paper, Appendix B. Expect 85.6 box AP (VOC's mAP at an IoU of 0.5).

Differences: those of faster-rcnn_r101-caffe_c4_80k_voc0712. The paper does not give the schedule of
this fine-tuning; it is that of VOC here.
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4-refine-context-ms_paper.py",
    "../_base_/datasets/voc0712.py",
    "../_base_/schedules/faster_rcnn_voc_80k.py",
    "../_base_/detection_iterations.py",
]

default_hooks = dict(checkpoint=dict(save_best="pascal_voc/mAP"))
