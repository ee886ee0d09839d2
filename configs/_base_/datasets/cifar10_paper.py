"""CIFAR-10 as He et al. 2015 (Sec. 4.2) use it: 128 images per step, 32×32 crops from 40×40.

The paper subtracts the mean image; here it is the mean colour, and the border is filled with
that colour, which is zero after the subtraction. The division by the standard deviation, nearly
the same for the three channels, does not change the output: a convolution without bias and
BatchNorm follow.
"""

_base_ = "./cifar10.py"

batch_size = 128

train_pipeline = [
    dict(type="RandomCrop", crop_size=32, padding=4, pad_val=(125, 123, 114)),
    dict(type="RandomFlip", prob=0.5, direction="horizontal"),
    dict(type="PackInputs"),
]

train_dataloader = dict(batch_size=batch_size, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=batch_size)
test_dataloader = dict(batch_size=batch_size)
