"""The sections about a detector."""

from mmresnet.report.detection.sections import sections as sections
