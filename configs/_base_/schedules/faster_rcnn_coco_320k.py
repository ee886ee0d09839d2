"""He et al. 2015, Appendix A, for COCO: SGD at 0.001 for 240,000 steps, 0.0001 for 80,000.

Biases as in faster_rcnn_voc_80k.
"""

_base_ = "./faster_rcnn_voc_80k.py"

param_scheduler = [dict(type="MultiStepLR", by_epoch=False, milestones=[240_000], gamma=0.1)]

train_cfg = dict(max_iters=320_000, val_interval=20_000)

auto_scale_lr = dict(base_batch_size=16)
