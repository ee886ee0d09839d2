"""Edits of mmdet 3.3.0, mmcv 2.1 and mmengine 0.10.7 where they compute boxes, in tests as well."""

from mmresnet.compat.waiting.edit import Edit

# Channels are views, whose copying needs no list of indices on the GPU.
_PREPROCESSOR = Edit(
    "mmengine.model.base_model.data_preprocessor",
    "ImgDataPreprocessor.forward",
    """
-                    _batch_input = _batch_input[[2, 1, 0], ...]  # type: ignore
+                    _batch_input = torch.stack(
+                        [_batch_input[i] for i in (2, 1, 0)])
""",
)

# Constants come without waiting.
_ANCHORS = Edit(
    "mmdet.models.task_modules.prior_generators.anchor_generator",
    "AnchorGenerator.single_level_grid_priors",
    """
-        base_anchors = self.base_anchors[level_idx].to(device).to(dtype)
+        base_anchors = self.base_anchors[level_idx].to(
+            device, non_blocking=True).to(dtype)
""",
)
_OVERLAPS = Edit(
    "mmdet.structures.bbox.bbox_overlaps",
    "bbox_overlaps",
    """
-    eps = union.new_tensor([eps])
+    eps = union.new_full((1, ), eps)
""",
)
_CODER = "mmdet.models.task_modules.coders.delta_xywh_bbox_coder"
_ENCODING = Edit(
    _CODER,
    "bbox2delta",
    """
-    means = deltas.new_tensor(means).unsqueeze(0)
-    stds = deltas.new_tensor(stds).unsqueeze(0)
+    means = torch.tensor(means, dtype=deltas.dtype).to(
+        deltas.device, non_blocking=True).unsqueeze(0)
+    stds = torch.tensor(stds, dtype=deltas.dtype).to(
+        deltas.device, non_blocking=True).unsqueeze(0)
""",
)
_DECODING = Edit(
    _CODER,
    "delta2bbox",
    """
-    means = deltas.new_tensor(means).view(1, -1)
-    stds = deltas.new_tensor(stds).view(1, -1)
+    means = torch.tensor(means, dtype=deltas.dtype).to(
+        deltas.device, non_blocking=True).view(1, -1)
+    stds = torch.tensor(stds, dtype=deltas.dtype).to(
+        deltas.device, non_blocking=True).view(1, -1)
""",
)
_SCALING = Edit(
    "mmdet.structures.bbox.transforms",
    "scale_boxes",
    """
-        scale_factor = boxes.new_tensor(scale_factor).repeat((1, repeat_num))
+        scale_factor = torch.tensor(scale_factor, dtype=boxes.dtype).to(
+            boxes.device, non_blocking=True).repeat((1, repeat_num))
""",
)
_NMS = Edit(
    "mmcv.ops.nms",
    "batched_nms",
    """
             max_coordinate = boxes.max()
             offsets = idxs.to(boxes) * (
-                max_coordinate + torch.tensor(1).to(boxes))
+                max_coordinate + boxes.new_ones(()))
""",
)

# The mask is turned into indices once, and not for each of boxes, scores and levels.
_SMALL_BOXES = tuple(
    Edit(
        f"mmdet.models.dense_heads.{module}",
        f"{head}._bbox_post_process",
        """
-            if not valid_mask.all():
-                results = results[valid_mask]
+            valid_inds = valid_mask.nonzero().squeeze(1)
+            if len(valid_inds) < len(valid_mask):
+                results = results[valid_inds]
""",
    )
    for module, head in (("rpn_head", "RPNHead"), ("base_dense_head", "BaseDenseHead"))
)
_SCORES = Edit(
    "mmdet.models.utils.misc",
    "filter_scores_and_topk",
    """
-    scores = scores[valid_mask]
     valid_idxs = torch.nonzero(valid_mask)
+    scores = scores[valid_idxs[:, 0], valid_idxs[:, 1]]
""",
)

# How many regions each level has is asked once; stable sorting keeps the regions of one in order.
_REGIONS = Edit(
    "mmdet.models.roi_heads.roi_extractors.single_level_roi_extractor",
    "SingleRoIExtractor.forward",
    """
-        for i in range(num_levels):
-            mask = target_lvls == i
-            inds = mask.nonzero(as_tuple=False).squeeze(1)
+        on_level = target_lvls == torch.arange(
+            num_levels, device=rois.device)[:, None]
+        counts = on_level.sum(1).tolist()
+        order = on_level.flatten().argsort(descending=True, stable=True)
+        order = order[:sum(counts)] % len(rois)
+        for i, inds in enumerate(order.split(counts)):
""",
)

BOXES = (
    _PREPROCESSOR,
    _ANCHORS,
    _OVERLAPS,
    _ENCODING,
    _DECODING,
    _SCALING,
    _NMS,
    *_SMALL_BOXES,
    _SCORES,
    _REGIONS,
)
