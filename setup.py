"""Ship configs, tools, benchmarks and model-index.yml in the wheel; pyproject.toml has the rest."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# in mmresnet/.mim, where mim looks for configs, tools and model-index.yml
SHIPPED = ("configs", "tools", "benchmarks", "model-index.yml")


class BuildWithConfigs(build_py):
    """Copy them into the built package; the checkout itself is left unchanged."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return  # then they are found in the checkout
        target = Path(self.build_lib) / "mmresnet" / ".mim"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in SHIPPED:
            source = ROOT / name
            if source.is_file():
                shutil.copy(source, target)
            else:
                ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "results")
                shutil.copytree(source, target / name, ignore=ignored)


setup(license="Apache-2.0", cmdclass={"build_py": BuildWithConfigs})
