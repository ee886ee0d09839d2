"""The detector of He et al. 2015 with the improvements of Appendix B ("baseline+++").

Box refinement with voting, global context and multi-scale testing; anchors of four sizes, as for
COCO. docs/detection_improvements.md describes the steps.
"""

_base_ = "./faster-rcnn_r101-caffe_c4_paper.py"

model = dict(
    type="mmresnet.FasterRCNN",
    rpn_head=dict(anchor_generator=dict(scales=[4, 8, 16, 32])),  # 64 to 512 pixels
    roi_head=dict(type="mmresnet.RoIHead", global_context=True),
    test_cfg=dict(
        rcnn=dict(
            box_refinement=True,
            box_voting=dict(iou_threshold=0.5),
            multi_scale=dict(short_sides=(200, 400, 600, 800, 1000)),
        )
    ),
)
