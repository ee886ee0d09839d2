"""The paper's Faster R-CNN for COCO, box refinement and global context (He et al. 2015, Table 9).

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_c4-refine-context_320k_coco2014.py 8

Source: the paper, Appendix B. Expect 30.0 box AP (51.1 at an IoU of 0.5), on val2014.

Differences: those of faster-rcnn_r101-caffe_c4_320k_coco2014.
"""

_base_ = "./faster-rcnn_r101-caffe_c4-refine_320k_coco2014.py"

model = dict(roi_head=dict(global_context=True))
