"""CIFAR-100: 50,000 images of 32×32 to train on, 10,000 to test on, 100 classes.

Downloaded into ``data_root`` at first use. 16 images per device, 8 devices.
"""

_base_ = "./cifar10.py"

data_root = "data/cifar100"
num_classes = 100

data_preprocessor = dict(
    num_classes=num_classes,
    mean=[129.304, 124.070, 112.434],
    std=[68.170, 65.392, 70.418],
)

train_dataloader = dict(dataset=dict(type="mmresnet.CIFAR100", data_root=data_root))
val_dataloader = dict(dataset=dict(type="mmresnet.CIFAR100", data_root=data_root))
test_dataloader = dict(dataset=dict(type="mmresnet.CIFAR100", data_root=data_root))
