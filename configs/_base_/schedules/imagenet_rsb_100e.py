"""ResNet Strikes Back (Wightman et al. 2021): LAMB at 2048 images per step, 5 + 95 epochs.

Five epochs of linear warm-up, updated every iteration, then a cosine to 1e-6. No weight decay for
biases and norm layers. A1 and A2 are longer and override this.
"""

optim_wrapper = dict(
    optimizer=dict(type="Lamb", lr=0.005, weight_decay=0.02),
    paramwise_cfg=dict(bias_decay_mult=0.0, norm_decay_mult=0.0),
)
param_scheduler = [
    dict(
        type="LinearLR",
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    dict(type="CosineAnnealingLR", T_max=95, eta_min=1e-6, by_epoch=True, begin=5, end=100),
]

train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=2048)
