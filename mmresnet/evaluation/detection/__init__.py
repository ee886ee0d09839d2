"""Average precision after COCO, VOC and ILSVRC, recall of proposals, matching of detections."""
