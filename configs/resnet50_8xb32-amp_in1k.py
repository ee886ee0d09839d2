"""ResNet-50 in mixed precision: bfloat16 where the hardware supports it, else float16.

    tools/dist_train.sh configs/resnet50_8xb32-amp_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb32-fp16_in1k.py, which uses float16 with a
fixed loss scale of 512; here float16 uses dynamic loss scaling. Expect 76.30 % top-1, the figure
for float16.
"""

_base_ = "./resnet50_8xb32_in1k.py"

optim_wrapper = dict(type="mmresnet.AmpOptimWrapper")
