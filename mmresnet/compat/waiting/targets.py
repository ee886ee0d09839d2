"""Edits of mmdet 3.3.0 where it assigns, samples and weighs targets: a training step."""

from mmresnet.compat.waiting.edit import Edit

_TASKS = "mmdet.models.task_modules"

# The loop asks for a number per box. The last box that takes an anchor keeps it, as in the loop.
_ASSIGNER = Edit(
    f"{_TASKS}.assigners.max_iou_assigner",
    "MaxIoUAssigner.assign_wrt_overlaps",
    """
-        assigned_gt_inds[pos_inds] = argmax_overlaps[pos_inds] + 1
+        assigned_gt_inds = torch.where(
+            pos_inds, argmax_overlaps + 1, assigned_gt_inds)
@@
-            for i in range(num_gts):
-                if gt_max_overlaps[i] >= self.min_pos_iou:
-                    if self.gt_max_assign_all:
-                        max_iou_inds = overlaps[i, :] == gt_max_overlaps[i]
-                        assigned_gt_inds[max_iou_inds] = i + 1
-                    else:
-                        assigned_gt_inds[gt_argmax_overlaps[i]] = i + 1
+            if self.gt_max_assign_all:
+                takes = overlaps == gt_max_overlaps[:, None]
+            else:
+                takes = torch.zeros_like(overlaps, dtype=torch.bool)
+                takes.scatter_(1, gt_argmax_overlaps[:, None], True)
+            takes &= (gt_max_overlaps >= self.min_pos_iou)[:, None]
+            numbers = torch.arange(
+                1, num_gts + 1, device=overlaps.device,
+                dtype=torch.uint8 if num_gts < 256 else torch.int32)
+            last = (takes * numbers[:, None]).amax(0).long()
+            assigned_gt_inds = torch.where(last > 0, last, assigned_gt_inds)
@@
-        assigned_labels = assigned_gt_inds.new_full((num_bboxes, ), -1)
-        pos_inds = torch.nonzero(
-            assigned_gt_inds > 0, as_tuple=False).squeeze()
-        if pos_inds.numel() > 0:
-            assigned_labels[pos_inds] = gt_labels[assigned_gt_inds[pos_inds] -
-                                                  1]
+        assigned_labels = gt_labels[(assigned_gt_inds - 1).clamp(min=0)]
+        assigned_labels = assigned_labels.masked_fill(
+            assigned_gt_inds <= 0, -1)
""",
)

# A permutation has no number twice, so that sorting does what unique does.
_SAMPLER = Edit(
    f"{_TASKS}.samplers.base_sampler",
    "BaseSampler.sample",
    """
-        pos_inds = pos_inds.unique()
+        if self.pos_sampler.__module__ == f'{__package__}.random_sampler':
+            pos_inds = pos_inds.flatten().sort()[0]
+        else:
+            pos_inds = pos_inds.unique()
@@
-        neg_inds = neg_inds.unique()
+        if self.neg_sampler.__module__ == f'{__package__}.random_sampler':
+            neg_inds = neg_inds.flatten().sort()[0]
+        else:
+            neg_inds = neg_inds.unique()
""",
)
_RANDOM_SAMPLER = Edit(
    f"{_TASKS}.samplers.random_sampler",
    "RandomSampler.random_choice",
    """
-        perm = torch.randperm(gallery.numel())[:num].to(device=gallery.device)
+        perm = torch.randperm(gallery.numel())[:num].to(
+            device=gallery.device, non_blocking=True)
""",
)

# What nonzero returns is sorted, and has no number twice.
_PSEUDO_SAMPLER = Edit(
    f"{_TASKS}.samplers.pseudo_sampler",
    "PseudoSampler.sample",
    """
-            assign_result.gt_inds > 0, as_tuple=False).squeeze(-1).unique()
+            assign_result.gt_inds > 0, as_tuple=False).squeeze(-1)
@@
-            assign_result.gt_inds == 0, as_tuple=False).squeeze(-1).unique()
+            assign_result.gt_inds == 0, as_tuple=False).squeeze(-1)
""",
)

# The mask is turned into indices once, and not at each use.
_ANCHOR_HEAD = Edit(
    "mmdet.models.dense_heads.anchor_head",
    "AnchorHead._get_targets_single",
    """
-        if not inside_flags.any():
+        inside_inds = inside_flags.nonzero().squeeze(1)
+        if inside_inds.numel() == 0:
@@
-        anchors = flat_anchors[inside_flags]
+        anchors = flat_anchors[inside_inds]
@@
-        if unmap_outputs:
-            num_total_anchors = flat_anchors.size(0)
-            labels = unmap(
-                labels, num_total_anchors, inside_flags,
-                fill=self.num_classes)  # fill bg label
-            label_weights = unmap(label_weights, num_total_anchors,
-                                  inside_flags)
-            bbox_targets = unmap(bbox_targets, num_total_anchors, inside_flags)
-            bbox_weights = unmap(bbox_weights, num_total_anchors, inside_flags)
+        num_total_anchors = flat_anchors.size(0)
+        if unmap_outputs and num_valid_anchors < num_total_anchors:
+
+            def to_all(data, fill=0):
+                shape = (num_total_anchors, ) + data.size()[1:]
+                return data.new_full(shape, fill).index_copy_(
+                    0, inside_inds, data)
+
+            labels = to_all(labels, fill=self.num_classes)
+            label_weights = to_all(label_weights)
+            bbox_targets = to_all(bbox_targets)
+            bbox_weights = to_all(bbox_weights)
""",
)
_BOX_HEAD = Edit(
    "mmdet.models.roi_heads.bbox_heads.bbox_head",
    "BBoxHead.loss",
    """
-            pos_inds = (labels >= 0) & (labels < bg_class_ind)
+            pos_inds = (labels >= 0) & (labels < bg_class_ind)
+            pos_inds = pos_inds.nonzero().squeeze(1)
@@
-            if pos_inds.any():
+            if pos_inds.numel() > 0:
@@
-                        bbox_pred.size(0), -1)[pos_inds.type(torch.bool)]
+                        bbox_pred.size(0), -1)[pos_inds]
@@
-                        -1)[pos_inds.type(torch.bool),
-                            labels[pos_inds.type(torch.bool)]]
+                        -1)[pos_inds, labels[pos_inds]]
@@
-                    bbox_targets[pos_inds.type(torch.bool)],
-                    bbox_weights[pos_inds.type(torch.bool)],
+                    bbox_targets[pos_inds],
+                    bbox_weights[pos_inds],
""",
)

# Without a positive weight, the usual formula gives 0 as well if no weight is negative and every
# target is finite, as all of mmdet's are. It does not without an element, for a weight per row, or
# where no sum is taken.
_L1_LOSSES = tuple(
    Edit(
        "mmdet.models.losses.smooth_l1_loss",
        f"{loss}.forward",
        """
-        if weight is not None and not torch.any(weight > 0):
+        if weight is not None and (
+                weight.numel() == 0 or weight.dim() != pred.dim() or
+                (reduction_override or self.reduction) == 'none'
+        ) and not torch.any(weight > 0):
""",
    )
    for loss in ("SmoothL1Loss", "L1Loss")
)

# The channel of a label is 1, and there is none for a label that is ignored or no channel's.
_CROSS_ENTROPY = Edit(
    "mmdet.models.losses.cross_entropy_loss",
    "_expand_onehot_labels",
    """
-    bin_labels = labels.new_full((labels.size(0), label_channels), 0)
     valid_mask = (labels >= 0) & (labels != ignore_index)
-    inds = torch.nonzero(
-        valid_mask & (labels < label_channels), as_tuple=False)
-
-    if inds.numel() > 0:
-        bin_labels[inds, labels[inds]] = 1
+    channels = torch.arange(label_channels, device=labels.device)
+    bin_labels = (labels[:, None] == channels) & valid_mask[:, None]
+    bin_labels = bin_labels.to(labels.dtype)
""",
)

# Masks and boxes that were copied to memory are copied back without waiting for it.
_MASK_TARGETS = (
    Edit(
        "mmdet.structures.mask.mask_target",
        "mask_target_single",
        """
-        mask_targets = torch.from_numpy(mask_targets).float().to(device)
+        mask_targets = torch.from_numpy(mask_targets).float().to(
+            device, non_blocking=True)
""",
    ),
    Edit(
        "mmdet.structures.mask.structures",
        "BitmapMasks.crop_and_resize",
        """
-            bboxes = torch.from_numpy(bboxes).to(device=device)
+            bboxes = torch.from_numpy(bboxes).to(
+                device=device, non_blocking=True)
@@
-            inds = torch.from_numpy(inds).to(device=device)
+            inds = torch.from_numpy(inds).to(device=device, non_blocking=True)
@@
-            gt_masks_th = torch.from_numpy(self.masks).to(device).index_select(
-                0, inds).to(dtype=rois.dtype)
+            gt_masks_th = torch.from_numpy(self.masks).to(
+                device, non_blocking=True).index_select(
+                    0, inds).to(dtype=rois.dtype)
""",
    ),
)

TARGETS = (
    _ASSIGNER,
    _SAMPLER,
    _RANDOM_SAMPLER,
    _PSEUDO_SAMPLER,
    _ANCHOR_HEAD,
    _BOX_HEAD,
    *_L1_LOSSES,
    _CROSS_ENTROPY,
    *_MASK_TARGETS,
)
