"""The paper's Faster R-CNN for COCO with all three improvements (He et al. 2015, Table 9).

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_c4-refine-context-ms_320k_coco2014.py 8

Box refinement, global context and multi-scale testing. The training is that of
faster-rcnn_r101-caffe_c4-refine-context_320k_coco2014, whose checkpoints this tests as well.

Source: the paper, Appendix B. Expect 32.5 box AP (53.8 at an IoU of 0.5), on val2014.

Differences: those of faster-rcnn_r101-caffe_c4_320k_coco2014; and the scales are resized from the
input of 600 pixels, not from the file. Most of COCO's pictures are smaller.
"""

_base_ = "./faster-rcnn_r101-caffe_c4-refine-context_320k_coco2014.py"

model = dict(
    type="mmresnet.FasterRCNN",
    test_cfg=dict(rcnn=dict(multi_scale=dict(short_sides=(200, 400, 600, 800, 1000)))),
)
