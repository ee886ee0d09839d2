"""ResNet-34 with parameter-free shortcuts (option A), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet34-shortcut-a_8xb32_in1k.py 8

The net of Table 2, Table 3 and Fig. 4 in He et al. 2015: where a block changes the shape, its
shortcut skips every other pixel and pads the channels with zeros. Otherwise the recipe of
resnet34_8xb32_in1k. The paper, with its own recipe, reports 25.03 % top-1 error with 10 crops. No
number is published for this recipe.
"""

_base_ = "./resnet34_8xb32_in1k.py"

model = dict(backbone=dict(shortcut="A"))
