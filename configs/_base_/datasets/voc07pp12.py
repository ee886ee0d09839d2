"""PASCAL VOC "07++12": trainval and test of 2007 and trainval of 2012 to train on, test of 2012.

    data/VOCdevkit/VOC2007/{JPEGImages,Annotations,ImageSets/Main}
    data/VOCdevkit/VOC2012/{JPEGImages,Annotations,ImageSets/Main}

The annotations of the test set are not published: a test writes the files that the evaluation
server takes. There is no validation, since no annotated image is left; a recipe sets val_cfg=None.
"""

_base_ = "./voc0712.py"

trainval07, trainval12 = _base_.train_dataloader.dataset.datasets
test07 = dict(trainval07, ann_file="VOC2007/ImageSets/Main/test.txt")
train_dataloader = dict(dataset=dict(datasets=[trainval07, test07, trainval12]))
del trainval07, test07, trainval12

val_dataloader = None
val_evaluator = None

test_dataloader = dict(
    dataset=dict(
        ann_file="VOC2012/ImageSets/Main/test.txt",
        data_prefix=dict(_delete_=True, img="VOC2012/JPEGImages"),
    )
)
test_evaluator = dict(
    eval_mode="area", format_only=True, outfile_prefix="results/VOC2012/Main/comp4_det_test"
)
