"""ResNet-8 of four times the width on CIFAR-10: a short training for CPUs, 16 epochs.

    python tools/train.py configs/cifar/resnet8x4_1xb256-onecycle_cifar10.py

Schedule and augmentation are those of ``resnet18_1xb512-onecycle_cifar10``, with 256 images per
step. The net is the paper's for CIFAR-10 with 8 layers and 64, 128 and 256 channels, and each stage
halves the resolution, the first one too. It has as many multiply-adds as ResNet-20, 4.3 times the
parameters, and 2.6 times fewer activations, on which a processor spends most of its time.

Sources are those of ``resnet18_1xb512-onecycle_cifar10``. No number is published. In ten minutes on
one core it reached 83.84 ± 0.42 % top-1, and ``resnet20_1xb128_cifar10`` 76.24 ± 0.72 %, on images
saved as JPEG, three trainings of each (``mmresnet benchmark cifar_budget``).
"""

_base_ = "./resnet18_1xb512-onecycle_cifar10.py"

model = dict(
    backbone=dict(
        _delete_=True,
        type="mmresnet.CifarResNet",
        depth=8,
        stem_channels=16,
        base_channels=64,
        strides=(2, 2, 2),
    ),
    head=dict(in_channels=256),
)

batch_size = 256
train_dataloader = dict(batch_size=batch_size)
val_dataloader = dict(batch_size=batch_size)
test_dataloader = dict(batch_size=batch_size)
optim_wrapper = dict(optimizer=dict(lr=0.2))
auto_scale_lr = dict(base_batch_size=256)
