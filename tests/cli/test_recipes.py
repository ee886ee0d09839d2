"""The list of recipes, and model-index.yml made of it."""

from pathlib import Path

import pytest

from mmresnet.cli.main import main
from mmresnet.cli.recipes import read_recipe
from mmresnet.config.find import config_folder, recipe_paths

ROOT = Path(__file__).parents[2]


def test_every_recipe_is_listed(capsys):
    assert main(["recipes"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["recipe", "data", "published", "what"]
    assert [line.split()[0] for line in lines] == list(recipe_paths())


def test_a_line_has_data_figure_and_title(capsys):
    assert main(["recipes", "mask-rcnn_r50"]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    title = "Mask R-CNN with ResNet-50 and FPN on COCO, 12 epochs on 8 × 2 images"
    figures = "38.2 box AP, 34.7 mask AP"
    assert line == f"mask-rcnn_r50_fpn_1x_coco  COCO  {figures}  {title}"


@pytest.mark.parametrize("pattern", ["mask-rcnn_r50", "mask*r50*"])
def test_a_part_of_a_name_or_a_glob(pattern, capsys):
    assert main(["recipes", pattern]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("name", "data_set", "figures"),
    [
        ("resnet50_8xb32_in1k", "ImageNet-1k", {"% top-1": "76.55"}),
        ("resnet50_8xb16_cifar100", "CIFAR-100", {"% top-1": "79.90"}),
        ("resnet20_1xb128_cifar10-images", "CIFAR-10", {"% top-1": "91.73"}),
        ("plain18_8xb32_in1k", "ImageNet-1k", {}),
        ("digits_resnet20", "digits", {}),
    ],
)
def test_what_a_docstring_says(name, data_set, figures):
    recipe = read_recipe(recipe_paths()[name])
    assert (recipe.data_set, recipe.figures) == (data_set, figures)


def test_every_recipe_has_a_data_set_and_those_that_expect_a_figure_have_it():
    for path in recipe_paths().values():
        recipe = read_recipe(path)
        assert recipe.title
        assert recipe.data_set, path
        assert bool(recipe.figures) == ("Expect " in recipe.text), path


def test_a_whole_name_prints_the_description(capsys):
    assert main(["recipes", "resnet50_8xb32_in1k"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(str(config_folder() / "resnet50_8xb32_in1k.py"))
    assert "Expect 76.55 % top-1." in out


def test_no_such_recipe(capsys):
    assert main(["recipes", "resnet51_8xb32_in1k"]) == 2
    assert "Did you mean 'resnet" in capsys.readouterr().err


def test_the_model_index_is_that_of_the_recipes(capsys):
    assert main(["recipes", "--model-index"]) == 0
    expected = (ROOT / "model-index.yml").read_text(encoding="utf-8")
    assert capsys.readouterr().out == expected, (
        "run: python -m mmresnet recipes --model-index > model-index.yml"
    )
    yaml = pytest.importorskip("yaml")
    models = {model["Name"]: model for model in yaml.safe_load(expected)["Models"]}
    assert list(models) == list(recipe_paths())
    assert all((ROOT / model["Config"]).is_file() for model in models.values())
    (result,) = models["resnet50_8xb32_in1k"]["Results"]
    assert result["Metrics"] == {"Top 1 Accuracy": 76.55}
