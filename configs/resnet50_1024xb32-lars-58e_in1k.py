"""ResNet-50 by LARS (You et al. 2017), 58 epochs with 32,768 images per step: 1024 × 32.

    tools/dist_train.sh configs/resnet50_1024xb32-lars-58e_in1k.py 8    # on each of 128 nodes

The learning rate rises linearly to 21.2 in 16 epochs and falls to 1e-4 as a polynomial of power 2,
every iteration. Norm layers and biases have neither weight decay nor a trust ratio. Labels are
smoothed by 0.1.

Source: MLPerf Training 1.0, reference convergence points, ``resnet_ref_32768``
(github.com/mlcommons/logging, mlperf_logging/rcp_checker/training_1.0.0): ten trainings end at the
benchmark's 75.9 % after 55 to 57 epochs. Differences: there, norm layers share statistics between
devices to 128 images (``model.backbone.norm_cfg.type=SyncBN`` shares them between all), the last
norm layers of blocks need not start at zero, and tests are every fourth epoch. LARS is
mmpretrain's, as in Algorithm 1 of the paper. Expect 75.9 % top-1.
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

as_sgd = dict(decay_mult=0.0, lars_exclude=True)
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True,
        type="LARS",
        lr=21.2,
        momentum=0.94,
        weight_decay=2e-5,
        eta=0.001,
        eps=0.0,
    ),
    # names of ResNet's norm layers, those of its projections, and all biases
    paramwise_cfg=dict(
        custom_keys={
            "bn1": as_sgd,
            "bn2": as_sgd,
            "bn3": as_sgd,
            "downsample.1": as_sgd,
            "bias": as_sgd,
        }
    ),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=16,
        convert_to_iter_based=True,
    ),
    dict(
        type="PolyLR",
        power=2.0,
        eta_min=1e-4,
        by_epoch=True,
        begin=16,
        end=58,
        convert_to_iter_based=True,
    ),
]
train_cfg = dict(max_epochs=58)
auto_scale_lr = dict(base_batch_size=32768)
