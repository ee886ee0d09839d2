"""ResNet-50 in mixed precision: bfloat16 where the chip has it, else float16.

    tools/dist_train.sh configs/resnet50_8xb32-amp_in1k.py 8

Source: mmpretrain 1.2.0, configs/resnet/resnet50_8xb32-fp16_in1k.py, which computes in float16 with
a loss scale of 512; here float16 scales dynamically. Expect 76.30 % top-1, published for float16.
"""

_base_ = "./resnet50_8xb32_in1k.py"

optim_wrapper = dict(type="mmresnet.AmpOptimWrapper")
