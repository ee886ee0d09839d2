# TEMPORARY shim, removed by the coordinator
from mmresnet.engine.assembly import prepare_run


def prepare(config, work_dir, cfg_options, launcher, device):
    return prepare_run(config, work_dir, cfg_options, launcher, device)


def install_operators(cfg):
    from mmresnet.engine.assembly import import_packages

    import_packages(cfg)
