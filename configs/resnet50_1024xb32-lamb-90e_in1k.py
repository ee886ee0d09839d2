"""ResNet-50 by LAMB (You et al. 2020), 90 epochs with 32,768 images per step: 1024 × 32.

    tools/dist_train.sh configs/resnet50_1024xb32-lamb-90e_in1k.py 8    # on each of 128 nodes

The learning rate rises linearly to 0.04 in 20 epochs and falls linearly to 0, every iteration. Norm
layers have neither weight decay nor a trust ratio; the biases of the head have both, as in the
source. Labels are smoothed by 0.1; gradients are clipped to a norm of 1.

Source: the authors' github.com/fastalgo/imagenet_resnet50_lamb, whose log ends at 76.34 %.
Differences: there, norm layers share statistics between TPU cores, and moments have no correction
for their start (``bias_correction=False`` here). LAMB is mmpretrain's. Expect 76.34 % top-1.
"""

_base_ = "./resnet50_8xb32_in1k.py"

model = dict(
    head=dict(
        loss=dict(
            _delete_=True,
            type="mmresnet.LabelSmoothLoss",
            label_smooth_val=0.1,
            mode="original",
            loss_weight=1.0,
        ),
    ),
)

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type="Lamb", lr=0.04, weight_decay=1.5, bias_correction=False),
    paramwise_cfg=dict(norm_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=20,
        convert_to_iter_based=True,
    ),
    dict(
        type="LinearLR",
        start_factor=1.0,
        end_factor=0.0,
        by_epoch=True,
        begin=20,
        end=90,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=90)
auto_scale_lr = dict(base_batch_size=32768)
