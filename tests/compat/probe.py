"""Do by hand what each patch of mmresnet.compat is for; run in a process of its own.

``python tests/compat/probe.py FOLDER`` tries upstream as it is, and
``python tests/compat/probe.py FOLDER patched`` upstream under ``mmresnet.registry``. Prints a JSON
object: for each patch, null where all went well, or what went wrong.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import mmengine.utils
import torch
from mmengine.config import Config
from mmengine.dist import init_dist
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_from_local

FOLDER = Path(sys.argv[1])


class Witness:
    """Unpickled, it leaves a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


def load_checkpoints() -> None:
    own, foreign, witness = FOLDER / "own.pth", FOLDER / "foreign.pth", FOLDER / "witness"
    torch.save({"weight": torch.ones(2), "history": HistoryBuffer([1.0], [1])}, own)
    torch.save({"weight": Witness(witness)}, foreign)
    load_from_local(str(own), None)
    try:
        load_from_local(str(foreign), None)
    except Exception as error:
        print(f"refused: {error}", file=sys.stderr)
    if witness.exists():
        raise RuntimeError("what a checkpoint holds was run")


def find_packages() -> None:
    for package in ("mmengine", "mmpretrain"):
        assert (Path(mmengine.utils.get_installed_path(package)) / "__init__.py").is_file()
    child = FOLDER / "child.py"
    child.write_text("_base_ = 'mmpretrain::_base_/schedules/imagenet_bs256.py'\n")
    assert Config.fromfile(child).optim_wrapper.optimizer.type == "SGD"


def start_group() -> None:
    os.environ.update(RANK="0", LOCAL_RANK="0", WORLD_SIZE="1", MASTER_ADDR="127.0.0.1")
    os.environ["MASTER_PORT"] = "0"
    init_dist("pytorch", backend="gloo")
    assert torch.distributed.get_world_size() == 1


def wrap_model() -> None:
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{FOLDER}/group", rank=0, world_size=1
        )
    runner = SimpleNamespace(cfg=Config({}), distributed=True, logger=None)
    wrapped = Runner.wrap_model(runner, None, torch.nn.Linear(2, 1))
    wrapped(torch.ones(1, 2)).sum().backward()
    assert wrapped.module.weight.grad is not None


def import_operators() -> None:
    if "mmresnet" in sys.modules:
        import mmresnet.ops

        mmresnet.ops.install()
    import mmcv.ops

    kept = mmcv.ops.nms(torch.tensor([[0.0, 0, 8, 8], [1, 0, 8, 8]]), torch.ones(2), 0.5)[1]
    assert kept.tolist() == [0]


PROBES = {
    "checkpoints load without running code": load_checkpoints,
    "installed packages are found without pkg_resources": find_packages,
    "process groups without a GPU": start_group,
    "data parallelism without a GPU": wrap_model,
    "operators without a compiled mmcv": import_operators,
}


def main() -> None:
    if sys.argv[2:] == ["patched"]:
        import mmresnet.registry  # noqa: F401  which applies the patches
    found = {}
    for name, probe in PROBES.items():
        try:
            found[name] = probe()
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    assert ("mmresnet" in sys.modules) == (sys.argv[2:] == ["patched"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
