"""README and docs agree with the recipes, files, figures and layers that there are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mmresnet"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RECIPES = [path for path in sorted((ROOT / "configs").rglob("*.py")) if "_base_" not in path.parts]


def published(recipe):
    """Return the top-1 accuracy or box AP to expect by the recipe's docstring, or None."""
    found = re.search(r"Expect (\d+\.\d+) (?:% top-1|box AP)", docstring(recipe))
    return found and found[1]


def docstring(recipe):
    return " ".join(ast.get_docstring(ast.parse(recipe.read_text())).split())


def rows(page):
    """Yield (recipe name, figure) of a page's tables of recipes."""
    for name, cells in re.findall(r"^\| \[?`([\w/-]+)`.*?\|(.*)\|$", page.read_text(), re.M):
        figure = re.search(r"\| (\d+\.\d+|–) \|", f"|{cells}|")
        if figure:
            yield name.rpartition("/")[2], figure[1]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_listed_with_its_figure(recipe):
    listed = dict(rows(ROOT / "docs" / "recipes.md"))
    if recipe.parent.name in ("demo", "custom"):  # no published source
        assert recipe.stem in (ROOT / "docs" / "recipes.md").read_text()
    else:
        assert listed[recipe.stem] == (published(recipe) or "–")


def test_mask_ap_is_listed_beside_box_ap():
    page = (ROOT / "docs" / "recipes.md").read_text()
    expected = {
        recipe.stem: found.groups()
        for recipe in RECIPES
        if (found := re.search(r"Expect (\S+) box AP and (\S+) mask AP", docstring(recipe)))
    }
    listed = re.findall(r"^\| \[`([\w-]+)`.*\| (\d+\.\d) \| (\d+\.\d) \|", page, re.M)
    assert len(expected) == 2
    assert {name: (box, mask) for name, box, mask in listed} == expected


def test_the_readme_repeats_figures_of_recipes():
    figures = {recipe.stem: published(recipe) for recipe in RECIPES}
    listed = dict(rows(ROOT / "README.md"))
    assert len(listed) >= 5
    assert listed == {name: figures[name] for name in listed}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_a_page_names_exist(page):
    text = page.read_text()
    linked = [page.parent / name for name in re.findall(r"\]\(([^)#:]+)\)", text)]
    folders = "benchmarks|configs|mmresnet|tests|tools"
    named = [
        ROOT / name for name in re.findall(rf"(?<![\w/.])((?:{folders})/[\w/.-]+\.(?:py|sh))", text)
    ]
    missing = [str(path) for path in linked + named if not path.exists()]
    assert missing == []


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_architecture_lists_the_layers_that_are_tested():
    layers = r"^LAYERS = (\(.*?^\))$"
    tested = re.search(layers, (ROOT / "tests" / "test_layers.py").read_text(), re.M | re.S)[1]
    (table,) = re.findall(r"^\| layer \|.*\n\|[-|]+\n((?:\|.*\n)+)", ARCHITECTURE, re.M)
    listed = [re.findall(r"`([\w.]+)`", row.split("|")[1]) for row in table.splitlines()]
    assert listed == [list(names) for names in ast.literal_eval(tested)]


def test_the_architecture_names_every_package():
    packages = [
        ".".join(path.parent.relative_to(PACKAGE).parts)
        for path in PACKAGE.glob("*/**/__init__.py")
    ]
    assert len(packages) >= 20
    assert [name for name in packages if f"`{name}`" not in ARCHITECTURE] == []


@pytest.mark.parametrize("package", ["models/backbones", "weights"])
def test_the_architecture_names_every_file_of(package):
    files = {path.name for path in (PACKAGE / package).rglob("*.py")} - {"__init__.py"}
    assert [name for name in sorted(files) if f"`{name}`" not in ARCHITECTURE] == []


def test_files_that_the_architecture_names_exist():
    files = {path.name for path in PACKAGE.rglob("*.py")}
    assert sorted(set(re.findall(r"`(\w+\.py)`", ARCHITECTURE)) - files) == []
