"""Faster R-CNN with ResNet-101 on PASCAL VOC 07+12, tested on VOC 2007 (He et al. 2015, Table 7).

    python tools/train.py configs/voc/faster-rcnn_r101-caffe_c4_80k_voc0712.py

Source: the paper, Appendix A, with the hyperparameters of Faster R-CNN (Ren et al. 2015), and of
py-faster-rcnn where neither gives one. Expect 76.4 box AP (VOC's mAP at an IoU of 0.5).

Differences:

- RPN and detector are trained together, as with py-faster-rcnn's faster_rcnn_end2end, and not in
  four alternating steps. A step has one image with 256 anchors and 128 regions. The steps are those
  of the RPN, 80,000; the alternating training has 40,000 of two images for the detector.
- The RPN's 3×3 convolution has 512 channels, as for VGG-16; the paper gives no number.
- The weights are He et al.'s own, as detectron2 publishes them.
- Boxes and RoI pooling are mmdet's and mmcv's: coordinates are continuous, without the "+ 1" of the
  Caffe code, and the sides of anchors are not rounded.
- The anchor that overlaps an object most is trained to be one if the IoU is at least 0.3; in
  py-faster-rcnn whatever it is.
"""

_base_ = [
    "../_base_/models/faster-rcnn_r101-caffe_c4_paper.py",
    "../_base_/datasets/voc0712.py",
    "../_base_/schedules/faster_rcnn_voc_80k.py",
    "../_base_/detection_iterations.py",
]

default_hooks = dict(checkpoint=dict(save_best="pascal_voc/mAP"))
