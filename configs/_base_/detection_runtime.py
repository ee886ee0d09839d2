"""Runtime of the detection recipes: mmdet's scope and visualizer, and the best epoch by box AP."""

_base_ = "./default_runtime.py"

default_scope = "mmdet"

default_hooks = dict(
    logger=dict(interval=50),
    checkpoint=dict(save_best="coco/bbox_mAP"),
    visualization=dict(_delete_=True, type="DetVisualizationHook"),
)

visualizer = dict(type="DetLocalVisualizer")
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True)
