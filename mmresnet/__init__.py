"""ResNet, ResNetV1c and ResNetV1d for the OpenMMLab family.

Importing this package imports neither torch nor any OpenMMLab package: the registries in
:mod:`mmresnet.registry` find their modules when a config first names one of them.
"""

__version__ = "0.1.0"
