"""List the shipped recipes with their published figures."""

import argparse
import ast
import json
import re
import shutil
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mmresnet.config.find import config_folder, recipe_paths
from mmresnet.errors import UserError, did_you_mean

EXAMPLE = """\
  %(prog)s
  %(prog)s rcnn_r50
  %(prog)s resnet50_8xb32_in1k
A recipe's whole name prints its description: command, source, and differences from it.
A dash means that the source publishes no figure."""

# the end of a recipe's name, or its folder: the data set
_DATA_SETS = {
    "in1k": "ImageNet-1k",
    "cifar10": "CIFAR-10",
    "cifar10-images": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "coco": "COCO",
    "voc": "PASCAL VOC",
    "imagenet_det": "ImageNet DET",
    "imagenet_loc": "ImageNet localization",
    "demo": "digits",
    "custom": "yours",
}
_FIGURES = re.compile(r"Expect ([\d.]+) (% top-1|box AP)(?: and ([\d.]+) (mask AP))?")


_TASKS = {  # of a metric: task and metric, as mim calls them
    "% top-1": ("Image Classification", "Top 1 Accuracy"),
    "box AP": ("Object Detection", "box AP"),
    "mask AP": ("Instance Segmentation", "mask AP"),
}


@dataclass(frozen=True)
class Recipe:
    """What a recipe's name and docstring say.

    Attributes:
        text: The whole docstring; its first line, without the full stop, is the title.
        figures: What its source publishes, by metric: "% top-1", "box AP", "mask AP".
    """

    name: str
    path: Path
    data_set: str
    text: str
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What the recipe trains."""
        return self.text.partition("\n")[0].rstrip(".")


def read_recipe(path: Path) -> Recipe:
    """Read the docstring of a recipe without running the file."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    found = _FIGURES.search(" ".join(text.split()))
    parts = found.groups() if found else ()
    figures = dict(zip(parts[1::2], parts[::2], strict=True))
    figures.pop(None, None)  # no mask AP
    folder, ending = path.parent.name, path.stem.rpartition("_")[2]
    data_set = _DATA_SETS.get(folder) or _DATA_SETS.get(ending, "")
    return Recipe(path.stem, path, data_set, text, figures)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the selection."""
    names: Any = parser.add_argument(
        "pattern", nargs="?", default="", help="a part of their names, or a glob"
    )
    names.completer = lambda **_: recipe_paths()
    parser.add_argument(
        "--model-index", action="store_true", help="print them as model-index.yml, for mim search"
    )


def run(args: argparse.Namespace) -> None:
    """Print a recipe's description, or a line for each."""
    paths = recipe_paths()
    if args.pattern in paths:
        print(f"{paths[args.pattern]}\n\n{read_recipe(paths[args.pattern]).text}")
        return
    glob = args.pattern if any(sign in args.pattern for sign in "*?[") else f"*{args.pattern}*"
    found = [read_recipe(path) for name, path in paths.items() if fnmatchcase(name, glob)]
    if not found:
        raise UserError(
            f"No recipe has '{args.pattern}' in its name.{did_you_mean(args.pattern, paths)}"
        )
    print("\n".join(_model_index(found) if args.model_index else _table(found)))


def _table(recipes: list[Recipe]) -> list[str]:
    rows = [("recipe", "data", "published", "what")]
    for recipe in recipes:
        figures = ", ".join(f"{value} {metric}" for metric, value in recipe.figures.items())
        rows.append((recipe.name, recipe.data_set, figures or "–", recipe.title))
    w1, w2, w3, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    end = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    return [f"{a:{w1}}  {b:{w2}}  {c:{w3}}  {d}"[:end] for a, b, c, d in rows]


def _model_index(recipes: list[Recipe]) -> list[str]:
    """Return the lines of a model-index.yml; every entry is JSON, which YAML includes."""
    lines = [
        "# Written by: mmresnet recipes --model-index. The figures are those of the sources.",
        "Collections:",
        '  - {"Name": "mmresnet", "Paper": "https://arxiv.org/abs/1512.03385"}',
        "Models:",
    ]
    for recipe in recipes:
        results = []
        for metric, value in recipe.figures.items():
            task, name = _TASKS[metric]
            metrics = {name: float(value)}
            results.append({"Task": task, "Dataset": recipe.data_set, "Metrics": metrics})
        entry = {
            "Name": recipe.name,
            "In Collection": "mmresnet",
            "Config": recipe.path.relative_to(config_folder().parent).as_posix(),
            "Metadata": {"Training Data": recipe.data_set},
            "Results": results,
        }
        lines.append(f"  - {json.dumps(entry, ensure_ascii=False)}")
    return lines
