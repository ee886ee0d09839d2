"""Faster R-CNN with ResNet-101 on PASCAL VOC 07++12, for VOC 2012's test (He et al. 2015, Table 7).

    python tools/train.py configs/voc/faster-rcnn_r101-caffe_c4_80k_voc07pp12.py
    python tools/test.py configs/voc/faster-rcnn_r101-caffe_c4_80k_voc07pp12.py CHECKPOINT

The second command writes the files that the evaluation server takes to
``results/VOC2012/Main``.

Source: the paper, Appendix A. Differences: as faster-rcnn_r101-caffe_c4_80k_voc0712.
Expect 73.8 box AP (VOC's mAP at an IoU of 0.5, from the server).
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4_paper.py",
    "../_base_/datasets/voc07pp12.py",
    "../_base_/schedules/faster_rcnn_voc_80k.py",
    "../_base_/detection_iterations.py",
]

val_cfg = None
default_hooks = dict(checkpoint=dict(save_best=None))
