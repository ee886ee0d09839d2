"""Faster R-CNN with all improvements, from COCO to PASCAL VOC 2012 (He et al. 2015, Table 11).

    RECIPE=configs/voc/faster-rcnn_r101-caffe_c4-refine-context-ms_80k_voc07pp12.py
    python tools/train.py $RECIPE --cfg-options load_from=CHECKPOINT
    python tools/test.py $RECIPE work_dirs/…/iter_80000.pth

As faster-rcnn_r101-caffe_c4-refine-context-ms_80k_voc0712. The second command writes the files that
the evaluation server takes to ``results/VOC2012/Main``.

Source: the paper, Appendix B. Expect 83.8 box AP (VOC's mAP at an IoU of 0.5, from the server).

Differences: those of faster-rcnn_r101-caffe_c4-refine-context-ms_80k_voc0712.
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4-refine-context-ms_paper.py",
    "../_base_/datasets/voc07pp12.py",
    "../_base_/schedules/faster_rcnn_voc_80k.py",
    "../_base_/detection_iterations.py",
]

val_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
