"""The paper's single model for COCO, trained on train and val together (He et al. 2015, Table 9).

    tools/dist_train.sh configs/coco/faster-rcnn_r101-caffe_c4-trainval_320k_coco2014.py 8

    data/coco/annotations/instances_train2014.json            data/coco/train2014/*.jpg
    data/coco/annotations/instances_val2014.json              data/coco/val2014/*.jpg
    data/coco/annotations/image_info_test-dev2015.json        data/coco/test2015/*.jpg

With box refinement, global context and multi-scale testing. Nothing is left to validate on: a test
writes work_dirs/coco_test-dev2015.bbox.json, for COCO's evaluation server.

Source: the paper, Appendix B. Expect 34.9 box AP (55.7 at an IoU of 0.5), on test-dev2015.

Differences: those of faster-rcnn_r101-caffe_c4-refine-context-ms_320k_coco2014. The paper does not
give the number of steps for this larger set; here it is the same.
"""

_base_ = "./faster-rcnn_r101-caffe_c4-refine-context-ms_320k_coco2014.py"

train2014 = _base_.train_dataloader.dataset
val2014 = dict(
    train2014,
    ann_file="annotations/instances_val2014.json",
    data_prefix=dict(img="val2014/"),
)
train_dataloader = dict(
    dataset=dict(_delete_=True, type="ConcatDataset", datasets=[train2014, val2014])
)
val_dataloader = None
val_evaluator = None
val_cfg = None
train_cfg = dict(val_interval=320_000)
default_hooks = dict(checkpoint=dict(save_best=None))

test_dataloader = dict(
    dataset=dict(
        ann_file="annotations/image_info_test-dev2015.json",
        data_prefix=dict(img="test2015/"),
    )
)
test_evaluator = dict(
    ann_file="data/coco/annotations/image_info_test-dev2015.json",
    format_only=True,
    outfile_prefix="work_dirs/coco_test-dev2015",
)
