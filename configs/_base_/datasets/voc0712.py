"""PASCAL VOC "07+12": trainval of 2007 and 2012 to train on, test of 2007. The shorter side is 600.

    data/VOCdevkit/VOC2007/{JPEGImages,Annotations,ImageSets/Main}
    data/VOCdevkit/VOC2012/{JPEGImages,Annotations,ImageSets/Main}

Other sets in VOC's format: docs/voc_and_det.md.
"""

data_root = "data/VOCdevkit/"
num_classes = 20
batch_size = 1  # per device
num_workers = 2  # per device
on_bad_sample = "stop"  # or "skip": go on without unusable images and list them
metainfo = dict(
    classes=(
        *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
        *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
        *("train", "tvmonitor"),
    )
)

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(1000, 600), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(1000, 600), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),  # after Resize: boxes stay in original pixels
    dict(
        type="PackDetInputs",
        meta_keys=("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    ),
]

voc2007 = dict(img="VOC2007/JPEGImages", ann="VOC2007/Annotations")
voc2012 = dict(img="VOC2012/JPEGImages", ann="VOC2012/Annotations")
train_part = dict(
    type="mmresnet.VOCDataset",
    data_root=data_root,
    metainfo=metainfo,
    filter_cfg=dict(filter_empty_gt=True, min_size=32),
    on_bad_sample=on_bad_sample,
    pipeline=train_pipeline,
)
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=num_workers,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="AspectRatioBatchSampler"),  # portrait and landscape images apart
    dataset=dict(
        type="ConcatDataset",
        datasets=[
            dict(train_part, ann_file="VOC2007/ImageSets/Main/trainval.txt", data_prefix=voc2007),
            dict(train_part, ann_file="VOC2012/ImageSets/Main/trainval.txt", data_prefix=voc2012),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmresnet.VOCDataset",
        data_root=data_root,
        metainfo=metainfo,
        ann_file="VOC2007/ImageSets/Main/test.txt",
        data_prefix=voc2007,
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="mmresnet.VOCMetric", eval_mode="11points")
test_evaluator = val_evaluator

del train_part, voc2007, voc2012  # parts of the above, which nothing else reads
