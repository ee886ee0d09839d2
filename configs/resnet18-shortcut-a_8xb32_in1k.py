"""ResNet-18 with parameter-free shortcuts (option A), 100 epochs on 8 × 32 images.

    tools/dist_train.sh configs/resnet18-shortcut-a_8xb32_in1k.py 8

The net of Table 2 and Fig. 4 in He et al. 2015: its shortcuts add no parameters to those of
plain18_8xb32_in1k. Otherwise the recipe of resnet18_8xb32_in1k. The paper, with its own recipe,
reports 27.88 % top-1 error with 10 crops. No number is published for this recipe.
"""

_base_ = "./resnet18_8xb32_in1k.py"

model = dict(backbone=dict(shortcut="A"))
