"""The wheel contains configs, tools, benchmarks and the command, which work there; the docs."""

import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import mmresnet
from mmresnet.config.find import config_folder, recipe_paths

ROOT = Path(__file__).resolve().parents[1]


def run(*command, cwd, **environment):
    """Run ``command`` without the checkout on its path; return what it printed."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("setuptools", reason="building a wheel needs setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    build = folder / "source"  # a copy, so that the checkout gets no build/ and no egg-info
    build.mkdir()
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (build / name).parent.mkdir(parents=True, exist_ok=True)
            (build / name).write_bytes((ROOT / name).read_bytes())
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(folder))
    run(sys.executable, "-m", "pip", "wheel", *options, str(build), cwd=folder)
    (path,) = folder.glob("mmresnet-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    options = ("--no-deps", "--no-index", "--no-compile", "-q", "--target", str(target))
    run(sys.executable, "-m", "pip", "install", *options, str(wheel), cwd=target)
    return target


def test_wheel_holds_configs_tools_and_benchmarks(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {p.relative_to(config_folder()).as_posix() for p in config_folder().rglob("*.py")}
    assert expected <= {n.removeprefix("mmresnet/.mim/configs/") for n in names}
    assert {"mmresnet/.mim/tools/train.py", "mmresnet/.mim/tools/dist_train.sh"} <= names
    assert {f"mmresnet/.mim/benchmarks/{n}.py" for n in ("training", "_measuring")} <= names
    assert "mmresnet/.mim/model-index.yml" in names  # for mim search
    assert {"mmresnet/weights/hub/catalogue.csv", "mmresnet/py.typed"} <= names
    assert {
        f"mmresnet/report/static/{n}" for n in ("page.html", "report.css", "report.js")
    } <= names
    assert not [n for n in names if "__pycache__" in n or n.startswith(("tests/", "configs/"))]


def test_metadata(wheel):
    archive = zipfile.ZipFile(wheel)
    (path,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(archive.read(path).decode())
    assert (metadata["Version"], metadata["License"]) == (mmresnet.__version__, "Apache-2.0")
    assert set(metadata["Requires-Python"].split(",")) == {">=3.10", "<3.14"}
    extras = {"openmmlab", "onedl", "mmseg", "onedl-mmseg", "test", "demo", "docs"}
    extras |= {"completion", "export", "openvino", "report", "shards", "slurm", "trackers"}
    assert set(metadata.get_all("Provides-Extra")) == extras
    hard = [need for need in metadata.get_all("Requires-Dist") if "extra ==" not in need]
    assert "torch>=2.6" in hard
    assert not [need for need in hard if "mm" in need]  # optional dependencies


def test_installed_recipes_are_found_by_name(installed, tmp_path):
    code = (
        "import mmresnet, mmresnet.apis as apis\n"
        "print(mmresnet.__file__)\n"
        "print(*apis.list_models())\n"
        "print(apis.get_config('resnet50_8xb32_in1k').filename)\n"
        "print(apis.load_config('configs/resnet50_8xb32_in1k.py', {'num_classes': 3})"
        ".model.head.num_classes)\n"
    )
    printed = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(installed))
    package, names, recipe, classes = printed.splitlines()[-4:]
    assert Path(package) == installed / "mmresnet" / "__init__.py"
    assert names.split() == sorted(recipe_paths())
    assert Path(recipe) == installed / "mmresnet" / ".mim" / "configs" / "resnet50_8xb32_in1k.py"
    assert classes == "3"


def test_installed_command(installed, tmp_path):
    command = str(installed / "bin" / "mmresnet")
    printed = run(command, "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert printed == f"mmresnet {mmresnet.__version__}\n"
    printed = run(command, "recipes", "mask-rcnn_r50", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "38.2 box AP" in printed
    listed = run(command, "benchmark", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "\ntraining " in listed
    tool = installed / "mmresnet" / ".mim" / "tools" / "print_config.py"
    printed = run(sys.executable, str(tool), "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert f"python {tool} resnet50_8xb32_in1k" in printed


def test_pre_commit_has_the_ruff_of_the_constraints():
    pinned = re.search(r"^ruff==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)[1]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.search(r"ruff-pre-commit\n +rev: v(.+)", hooks)[1] == pinned


def test_make_help_lists_every_target():
    targets = re.search(r"^\.PHONY: help (.*)$", (ROOT / "Makefile").read_text(), re.M)[1]
    shown = run("make", "help", cwd=ROOT)
    assert [name for name in targets.split() if f"make {name}" not in shown] == []


@pytest.mark.full
def test_the_reference_has_a_page_for_each_package(tmp_path):
    pytest.importorskip("mkdocstrings", reason="the extra docs is not installed")
    site = tmp_path / "site"
    run(sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(site), cwd=ROOT)
    pages = {path.parent.name for path in site.glob("api/*/index.html")}
    assert {path.parent.name for path in (ROOT / "mmresnet").glob("*/__init__.py")} <= pages
    assert 'id="mmresnet.apis.model_zoo.get_model"' in (site / "api/apis/index.html").read_text()
    assert (site / "configs" / "resnet50_8xb32_in1k.py").is_file()  # linked by docs/recipes.md


@pytest.mark.full
def test_installed_model_is_built_by_name(installed, tmp_path):
    code = (
        "from mmresnet.apis import get_model\n"
        "print(get_model('resnet20_1xb128_cifar10', num_classes=4).head.num_classes)\n"
    )
    printed = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(installed))
    assert printed.split()[-1] == "4"
