"""Build mmresnet; its configs and tools travel inside the wheel, as ``mmresnet/.mim``."""

import ast
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
SHIPPED = ("configs", "tools")  # where OpenMMLab's own packages and mim look for them


class BuildWithConfigs(build_py):
    """Copy configs and tools into the built package; the checkout itself is left as it is."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return  # then they are found in the checkout
        for name in SHIPPED:
            target = Path(self.build_lib) / "mmresnet" / ".mim" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(
                ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
            )


def version() -> str:
    """Read ``__version__`` without importing the package."""
    for node in ast.parse((ROOT / "mmresnet" / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__":
            return ast.literal_eval(node.value)
    raise RuntimeError("mmresnet/__init__.py holds no __version__")


# resumes downloads; docs/downloads.md has the reasons for these versions
HUB = "huggingface_hub>=0.36.2,!=1.0.*,!=1.1.*,!=1.2.*,!=1.3.*,<3"
FAST_COCO = "faster-coco-eval>=1.8,<2"  # mmresnet.CocoMetric computes with it

# The two families provide the same import names, so one environment takes one of them; neither
# is a hard dependency, since pip would let it overwrite what a user has.
EXTRAS = {
    "openmmlab": [
        "mmengine>=0.10.3,<0.11",
        "mmcv-lite>=2.0.0,<2.2",
        "mmpretrain>=1.2,<1.3",
        "mmdet>=3.3,<3.4",
        FAST_COCO,
    ],
    # a plain "pip install" builds onedl-mmcv without operators, hence without a compiler
    "onedl": [
        "onedl-mmengine>=0.10.8,<0.11",
        "onedl-mmcv>=2.3,<2.4",
        "onedl-mmpretrain>=1.3,<1.4",
        "onedl-mmdetection>=3.5,<3.6",
        FAST_COCO,
    ],
    # segmentation, with the family's own; it asks for ftfy and regex without saying so
    "mmseg": ["mmsegmentation>=1.2,<1.3", "ftfy", "regex"],
    "onedl-mmseg": ["onedl-mmsegmentation>=1.4,<1.5", "ftfy", "regex"],
    # mmpretrain 1.2 and its fork cannot be imported beside transformers 4.57 and 5
    "test": ["pytest>=7", "ruff", "timm", "transformers>=4.40,<4.50"],
    "demo": ["scikit-learn", "matplotlib"],
}

README = ROOT / "README.md"

setup(
    name="mmresnet",
    version=version(),
    description="ResNet, ResNetV1c and ResNetV1d for the OpenMMLab family",
    long_description=README.read_text() if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["mmresnet", "mmresnet.*"]),
    install_requires=[
        "torch>=2.4",
        "torchvision>=0.19",
        "numpy",
        "safetensors>=0.4",
        "filelock",
        HUB,
    ],
    package_data={"mmresnet.weights.hub": ["catalogue.csv"]},
    extras_require=EXTRAS,
    cmdclass={"build_py": BuildWithConfigs},
    zip_safe=False,
)
