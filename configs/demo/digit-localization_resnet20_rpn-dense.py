"""Localization of a large digit by a per-class RPN, tested on whole pictures at five scales.

    mmresnet test digit-localization_resnet20_rpn-dense \\
        work_dirs/digit-localization_resnet20_rpn/epoch_12.pth \\
        --cfg-options test_dataloader.dataset.scores=digits_scores.npz

The training is that of ``digit-localization_resnet20_rpn``. Short sides are ImageNet's over 3.5.
"""

_base_ = "./digit-localization_resnet20_rpn.py"

model = dict(test_cfg=dict(scales=(64, 73, 110, 137, 183), crop=None))
