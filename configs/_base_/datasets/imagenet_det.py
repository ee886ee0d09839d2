"""ImageNet DET: train and val1 to train on, val2 to validate. The shorter side is 600.

data/ILSVRC/Data/DET/{train,val}/        images
data/ILSVRC/Annotations/DET/{train,val}/ their annotations
data/ILSVRC/ImageSets/DET/{val1,val2}.txt
"""

data_root = "data/ILSVRC/"
num_classes = 200
batch_size = 2  # per device
num_workers = 2  # per device
on_bad_sample = "stop"  # or "skip": go on without unusable images and boxes, and list them

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

train_folders = dict(img="Data/DET/train", ann="Annotations/DET/train")
val_folders = dict(img="Data/DET/val", ann="Annotations/DET/val")
train_part = dict(
    type="mmresnet.ImageNetDET",
    data_root=data_root,
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
            dict(train_part, ann_file="", data_prefix=train_folders),  # all annotations there
            dict(train_part, ann_file="ImageSets/DET/val1.txt", data_prefix=val_folders),
        ],
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=num_workers,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type="mmresnet.ImageNetDET",
        data_root=data_root,
        ann_file="ImageSets/DET/val2.txt",
        data_prefix=val_folders,
        test_mode=True,
        on_bad_sample=on_bad_sample,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="mmresnet.ImageNetDETMetric")
test_evaluator = val_evaluator

del train_part, train_folders, val_folders  # parts of the above, which nothing else reads
