"""Faster R-CNN on the conv4 features of a Caffe-style ResNet-101, COCO, 12 epochs on 8 × 2 images.

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_c4_1x_coco.py 8

The paper's detector (He et al. 2015, Appendix A) with mmdet's training; its own schedule is that of
faster-rcnn_r101-caffe_c4_320k_coco2014.

Source: no published recipe; mmdet 3.3.0's configs/faster_rcnn/faster-rcnn_r50-caffe_c4-1x_coco.py
with ResNet-101. No number is published for it.
"""

_base_ = "./faster-rcnn_r50-caffe_c4_1x_coco.py"

weights = dict(type="Pretrained", checkpoint="open-mmlab://detectron2/resnet101_caffe")

model = dict(
    backbone=dict(depth=101, init_cfg=weights),
    roi_head=dict(shared_head=dict(depth=101, init_cfg=weights)),
)
