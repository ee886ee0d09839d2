"""Plain-34: ResNet-34 without its shortcuts (He et al. 2015, Sec. 3.3).

    tools/dist_train.sh configs/plain34_8xb32_in1k.py 8

Otherwise the recipe of resnet34_8xb32_in1k, so the two can be compared. The paper trained both
with its own recipe and reports 28.54 % top-1 error with 10 crops, and 25.03 % for the residual net
(Table 2): plain nets get worse with depth. No number is published for this recipe.
"""

_base_ = "./resnet34_8xb32_in1k.py"

model = dict(backbone=dict(type="mmresnet.PlainNet"))
