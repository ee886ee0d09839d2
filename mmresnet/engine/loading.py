# TEMPORARY shim, removed by the coordinator
from mmresnet.config.classes import class_names as _names
from mmresnet.config.classes import follow_checkpoint  # noqa: F401
from mmresnet.engine import assembly
from mmresnet.engine.assembly import building as parts_of
from mmresnet.errors import UserError
from mmresnet.weights.checkpoint import read as read_checkpoint


def load_settings(config, cfg_options, device):
    return assembly.prepare(config, cfg_options)


def load_model(cfg, checkpoint, device="auto", content=None):
    return assembly.load_model(
        cfg, read_checkpoint(checkpoint) if content is None else content, device
    )


def class_names(cfg, content):
    with parts_of(cfg):
        return _names(test_dataset(cfg), content)


def test_dataset(cfg):
    loader = cfg.get("test_dataloader") or cfg.get("val_dataloader") or {}
    dataset = loader.get("dataset") or {}
    while dataset and "pipeline" not in dataset and ("dataset" in dataset or "datasets" in dataset):
        dataset = dataset["dataset"] if "dataset" in dataset else dataset["datasets"][0]
    if "pipeline" not in dataset:
        raise UserError(
            "The config has no test_dataloader.dataset.pipeline, which says how an image is "
            "prepared for its model: use the recipe that the checkpoint was trained with."
        )
    return dataset
