"""Ren et al. 2015, Sec. 3.1.3, for PASCAL VOC: SGD at 0.001 for 60,000 steps, 0.0001 for 20,000.

As in their Caffe models, biases learn at twice the rate and do not decay.
"""

optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.001, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=False, milestones=[60_000], gamma=0.1)]

train_cfg = dict(by_epoch=False, max_iters=80_000, val_interval=10_000)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=1)
