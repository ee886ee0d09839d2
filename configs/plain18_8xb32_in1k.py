"""Plain-18: ResNet-18 without its shortcuts (He et al. 2015, Sec. 3.3).

    tools/dist_train.sh configs/plain18_8xb32_in1k.py 8

Otherwise the recipe of resnet18_8xb32_in1k, so the two can be compared. The paper trained both
with its own recipe and reports 27.94 % top-1 error with 10 crops, and 27.88 % for the residual net
(Table 2): plain nets get worse with depth. No number is published for this recipe.
"""

_base_ = "./resnet18_8xb32_in1k.py"

model = dict(backbone=dict(type="mmresnet.PlainNet"))
