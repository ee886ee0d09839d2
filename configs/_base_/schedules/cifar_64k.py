"""He et al. 2015, Sec. 4.2: SGD at 128 images per step, 64,000 steps.

The learning rate is 0.1, divided by 10 after 32,000 and 48,000 steps. With all 50,000 training
images an epoch has 391 steps, so 64,000 steps are 163.7 epochs.
"""

optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type="MultiStepLR", by_epoch=False, milestones=[32_000, 48_000], gamma=0.1),
]

train_cfg = dict(by_epoch=False, max_iters=64_000, val_interval=2_000)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=128)
