"""What README and docs say about recipes, files and figures is what is there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RECIPES = [path for path in sorted((ROOT / "configs").rglob("*.py")) if "_base_" not in path.parts]


def published(recipe):
    """Return the top-1 accuracy that the recipe's docstring tells to expect, or None."""
    text = " ".join(ast.get_docstring(ast.parse(recipe.read_text())).split())
    found = re.search(r"Expect (\d+\.\d+) % top-1", text)
    return found and found[1]


def rows(page):
    """Yield (recipe name, figure) of a page's tables of recipes."""
    for name, cells in re.findall(r"^\| \[?`([\w/-]+)`.*?\|(.*)\|$", page.read_text(), re.M):
        figure = re.search(r"\| (\d+\.\d+|–) \|", f"|{cells}|")
        if figure:
            yield name.rpartition("/")[2], figure[1]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_listed_with_its_figure(recipe):
    listed = dict(rows(ROOT / "docs" / "recipes.md"))
    if recipe.parent.name == "demo":
        assert recipe.stem in (ROOT / "docs" / "recipes.md").read_text()
    else:
        assert listed[recipe.stem] == (published(recipe) or "–")


def test_the_readme_repeats_figures_of_recipes():
    figures = {recipe.stem: published(recipe) for recipe in RECIPES}
    listed = dict(rows(ROOT / "README.md"))
    assert len(listed) >= 5
    assert listed == {name: figures[name] for name in listed}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_that_a_page_names_exist(page):
    text = page.read_text()
    linked = [page.parent / name for name in re.findall(r"\]\(([^)#:]+)\)", text)]
    named = [ROOT / name for name in re.findall(r"\b((?:tools|configs)/[\w/.-]+\.(?:py|sh))", text)]
    missing = [str(path) for path in linked + named if not path.exists()]
    assert missing == []
