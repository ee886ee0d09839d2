"""ResNet-101 for ImageNet in the layout of ILSVRC's archive: the classes to be localized.

    mmresnet test resnet101_8xb32_imagenet-loc torchvision://resnet101 \\
        --protocol dense --scores scores.npz

writes the scores of the validation images for the recipes of localization. Model and training are
those of ``resnet101_8xb32_in1k``; only the data set is another, since ``Data/CLS-LOC/val`` has no
class folders.
"""

_base_ = "../resnet101_8xb32_in1k.py"

data_root = "data/ILSVRC"

train_dataloader = dict(dataset=dict(data_root=data_root, data_prefix="Data/CLS-LOC/train"))
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmresnet.ImageNetLoc",
        data_root=data_root,
        split="val",
        test_mode=True,
        on_bad_sample=_base_.on_bad_sample,
        pipeline=_base_.test_pipeline,
    )
)
test_dataloader = val_dataloader
