"""Options with which ``resnet50_8xb32_in1k`` trains on the tiny images in a second or two."""

SMALL = {
    "num_classes": 3,
    "batch_size": 2,
    "num_workers": 0,
    "model.backbone.depth": 18,
    "model.backbone.stem_channels": 8,
    "model.backbone.base_channels": 8,
    "model.head.in_channels": 64,
    "train_dataloader.dataset.pipeline.1.scale": 32,
    "val_dataloader.dataset.pipeline.2.crop_size": 32,
    "train_cfg.max_epochs": 2,
}
