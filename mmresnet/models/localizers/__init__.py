"""Nets that find the box of an object of a known class (He et al. 2015, Appendix C)."""

from mmresnet.models.localizers.localizer import Localizer
from mmresnet.models.localizers.region_ensemble import RegionLocalizerEnsemble
from mmresnet.models.localizers.region_head import PerClassRegionHead
from mmresnet.models.localizers.region_localizer import RegionLocalizer
from mmresnet.models.localizers.rpn_head import PerClassRPNHead

__all__ = [
    "Localizer",
    "PerClassRPNHead",
    "PerClassRegionHead",
    "RegionLocalizer",
    "RegionLocalizerEnsemble",
]
