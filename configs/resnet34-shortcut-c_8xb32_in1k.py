"""ResNet-34 with a projection in every shortcut (option C), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet34-shortcut-c_8xb32_in1k.py 8

The net of Tables 3 and 4 in He et al. 2015 with thirteen more projections than resnet34_8xb32_in1k,
which is option B, and 0.92 M more parameters. Otherwise its recipe. The paper, with its own recipe,
reports 24.19 % top-1 error with 10 crops (B: 24.52 %). No number is published for this recipe.
"""

_base_ = "./resnet34_8xb32_in1k.py"

model = dict(backbone=dict(shortcut="C"))
