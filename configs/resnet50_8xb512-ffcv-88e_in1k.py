"""ResNet-50 in the manner of FFCV's recipes: progressive resizing, 88 epochs on 8 × 512 images.

    tools/dist_train.sh configs/resnet50_8xb512-ffcv-88e_in1k.py 8

As ``resnet50_8xb512-ffcv-16e_in1k``, longer. Source: github.com/libffcv/ffcv-imagenet,
rn50_configs. No number is published without the differences that are listed there; with them, FFCV
gives 78.4 %.
"""

_base_ = "./resnet50_8xb512-ffcv-16e_in1k.py"

train_pipeline = _base_.train_pipeline
train_pipeline[1].update(begin=65, end=76)  # ProgressiveRandomResizedCrop
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

param_scheduler = _base_.param_scheduler
param_scheduler[1].update(end=88)
train_cfg = dict(max_epochs=88)
