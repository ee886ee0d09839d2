"""Run OpenMMLab's own tests on mmresnet.

Of mmcv, the tests of operators run on those of mmresnet.ops. Of mmpretrain and mmdet, the tests of
models run with the classes of mmresnet registered in place of those of the same names.

Where a test expects an error, an error message of mmresnet counts as that. Nothing is downloaded:
torchvision's ResNet-50 gets random weights. Failures with a known reason are counted as xfailed,
and the reasons printed; any other failure makes the exit code 1.
"""

import argparse
import importlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmresnet.cli import command as cli
from mmresnet.errors import UserError

EXAMPLE = f"""example:
  git clone --branch v3.3.0 https://github.com/open-mmlab/mmdetection
  pip install parameterized
  python tools/test_upstream.py mmdet=mmdetection/tests -- -k dyhead
MMCV_TESTS, MMPRETRAIN_TESTS and MMDET_TESTS in the environment name the folders as well. What is
after -- is for pytest. A checkout should be of the version that is installed.
{cli.DEBUG_NOTE}"""

FOLDERS = {"mmcv": "test_ops", "mmpretrain": "test_models", "mmdet": "test_models"}
REPLACED = {
    "mmcv": (),
    "mmpretrain": (
        *("ResNet", "ResNetV1c", "ResNetV1d", "ResNet_CIFAR"),
        *("GlobalAveragePooling", "GeneralizedMeanPooling"),
        *("LinearClsHead", "MultiLabelLinearClsHead", "CrossEntropyLoss", "LabelSmoothLoss"),
    ),
    "mmdet": ("ResNet", "ResNetV1d"),
}
DEFAULTS = {"mmdet": {"out_indices": (0, 1, 2, 3), "norm_eval": True}}  # where they differ

OPTIONS = (
    *("-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".", "-W", "ignore"),
    *("-qrfEx", "--tb=short", "--continue-on-collection-errors"),
)

_STEM = "mmdet's deep stem has nine layers; mmresnet's has three ConvModules, as in mmpretrain"
# patterns of a failed test's name and, in the next lines, its error; and reasons
KNOWN = {
    r"OFFLINE is set|offline mode|couldn't connect|LocalEntryNotFound": "needs a download",
    r"is not installed, +please install it": "needs a package that mmdet does not require",
    r"test_onnx\.py": "needs onnx, and the ONNX exporter of PyTorch before 2.9",
    r"(?s)::test_resnest_stem\n.*'num_features'": _STEM,
    r"(?s)::test_resnet_backbone\n.*assert 3 == 9": _STEM,
}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "suites", nargs="*", metavar="PACKAGE=TESTS", help="mmcv, mmpretrain or mmdet, and a folder"
    )
    argv = sys.argv[1:] if argv is None else argv
    end = argv.index("--") if "--" in argv else len(argv)
    suites = dict(one.partition("=")[::2] for one in parser.parse_args(argv[:end]).suites)
    if not suites:
        suites = {name: os.environ.get(f"{name.upper()}_TESTS") for name in FOLDERS}
        suites = {name: folder for name, folder in suites.items() if folder}
    for name, folder in suites.items():
        check(name, folder)
    if not suites:
        raise UserError("Name a folder of tests, as in mmdet=mmdetection/tests; see --help.")
    codes = [run(name, Path(folder).resolve(), argv[end + 1 :]) for name, folder in suites.items()]
    if any(codes):
        sys.exit(1)


def check(name: str, folder: str) -> None:
    """Check that there are tests of the package ``name`` in ``folder``, and what they need.

    Raises:
        UserError: Otherwise.
    """
    if name not in FOLDERS:
        raise UserError(f"'{name}' is not one of {', '.join(FOLDERS)}.")
    if not (Path(folder) / FOLDERS[name]).is_dir():
        raise UserError(
            f"{name}={folder}: there is no folder '{FOLDERS[name]}' in it; name the folder 'tests' "
            f"of a checkout of {name}."
        )
    if name == "mmdet" and importlib.util.find_spec("parameterized") is None:
        raise UserError("mmdet's tests need a package: pip install parameterized")


def run(name: str, folder: Path, arguments: list[str]) -> int:
    """Run the tests of one package in a process of their own, and return pytest's exit code."""
    tests = f"{folder.name}/{FOLDERS[name]}"
    print(f"{name}: {tests}", flush=True)
    # run from the checkout, where tests look for their data, but without importing its package
    start = (
        "import sys; sys.path[:] = filter(None, sys.path); import pytest; sys.exit(pytest.main())"
    )
    command = [sys.executable, "-c", start, "-p", "test_upstream", "--upstream", name]
    path = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    env = {"MMRESNET_OFFLINE": "1", "HF_HUB_OFFLINE": "1", **os.environ}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    command += [*OPTIONS, tests, *arguments]
    return subprocess.run(command, cwd=folder.parent, env=env, check=False).returncode


# --- the rest is a plugin of pytest's, in the process of the tests ---


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--upstream", choices=FOLDERS, required=True)


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("upstream")
    from mmresnet import ops

    ops.install()
    for replaced in REPLACED[name]:
        replace(name, replaced)
    if name == "mmdet":  # looks for its configs in its own checkout
        from mmdet.testing import _utils

        _utils._get_config_directory = lambda: str(config.rootpath / "configs")
    accept_user_errors()
    temporary = tempfile.TemporaryDirectory()
    config.add_cleanup(temporary.cleanup)
    use_random_weights(Path(temporary.name))


def replace(package: str, name: str) -> None:
    """Register mmresnet's class ``name`` in ``package``, and let it be imported from there."""
    from mmresnet.registry import MODELS

    registry = importlib.import_module(f"{package}.registry").MODELS
    importlib.import_module(f"{package}.models")
    theirs, ours = registry.get(name), MODELS.get(f"mmresnet.{name}")

    class Ours(ours):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**DEFAULTS.get(package, {}), **kwargs})

    registry.register_module(name=name, module=Ours, force=True)
    module = theirs.__module__  # which keeps its own, for the classes that inherit from it
    while module := module.rpartition(".")[0]:
        if getattr(sys.modules[module], name, None) is theirs:
            setattr(sys.modules[module], name, Ours)


def accept_user_errors() -> None:
    """Let ``pytest.raises`` take a UserError in place of the error that upstream raises."""
    raises = pytest.raises

    def raises_also(expected: Any, *args: Any, **kwargs: Any) -> Any:
        expected = expected if isinstance(expected, tuple) else (expected,)
        return raises((*expected, UserError), *args, **kwargs)

    pytest.raises = raises_also


def use_random_weights(folder: Path) -> None:
    """Put random weights in ``folder``, in place of torchvision's of ResNet-50."""
    import torch
    import torchvision

    from mmresnet.weights.hub import download

    path, fetch = folder / "resnet50.pth", download.fetch
    torch.save(torchvision.models.resnet50().state_dict(), path)
    download.fetch = lambda name: path if name == "torchvision://resnet50" else fetch(name)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = (yield).get_result()
    if report.failed and (why := reason(f"{report.nodeid}\n{report.longreprtext}")):
        report.outcome, report.wasxfail = "skipped", why


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = (yield).get_result()
    if report.failed and (why := reason(f"{report.nodeid}\n{report.longreprtext}")):
        report.outcome, report.longrepr = "skipped", (report.nodeid, 0, why)


def reason(text: str) -> str | None:
    """Return why a test fails, if that is known."""
    from mmresnet.ops.table import NEEDED_BY

    if found := re.search(r"mmcv's operator '(\w+)' is not among", text):
        for prefixes, user in NEEDED_BY.items():
            if found[1].startswith(prefixes):
                return f"{found[1]} is not provided: {user}"
    return next((reason for pattern, reason in KNOWN.items() if re.search(pattern, text)), None)


if __name__ == "__main__":
    sys.exit(cli.run(main))
