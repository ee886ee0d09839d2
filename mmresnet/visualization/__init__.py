"""Drawing: training curves, predictions, boxes, masks and labels."""
