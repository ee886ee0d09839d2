"""Scripts of other packages: they still need each patch, and it works."""

import inspect
import sys
from pathlib import Path

import pytest

from mmresnet.compat import IN_SCRIPTS
from mmresnet.compat.installed_packages import get_installed_path, is_installed


@pytest.fixture
def needed(request: pytest.FixtureRequest):
    """The patch for scripts with a word; skips where the installed packages do without it."""
    patch = IN_SCRIPTS[request.param]
    if not patch.needed():
        pytest.skip(f"the packages installed here are not those of: {patch.versions}")
    return patch


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("pkg_resources", "import pkg_resources"),
        ("adjust_bbox", "adjust_bbox(figure, transforms.Bbox(points))"),
        ("TSNE", " n_iter=args.n_iter"),
    ],
)
def test_a_script_of_mmpretrain_still_needs_it(word: str, line: str) -> None:
    pytest.importorskip("mmpretrain")
    if is_installed("onedl-mmpretrain") and "onedl" not in IN_SCRIPTS[word].versions:
        pytest.skip("the onedl-* fork does without it")
    tools = Path(get_installed_path("mmpretrain"), ".mim", "tools").rglob("*.py")
    texts = [path.read_text(encoding="utf-8") for path in tools]
    assert any(word in text and line in text for text in texts), f"remove the patch for '{word}'"


def test_every_patch_is_tried() -> None:
    assert list(IN_SCRIPTS) == ["pkg_resources", "adjust_bbox", "TSNE"]


@pytest.mark.parametrize("needed", ["pkg_resources"], indirect=True)
def test_versions_of_packages(needed, monkeypatch) -> None:
    with pytest.raises(ModuleNotFoundError):
        import pkg_resources
    monkeypatch.setitem(sys.modules, "pkg_resources", None)  # to be removed again at the end
    needed.apply()
    import pkg_resources

    assert pkg_resources.get_distribution("scikit_learn").version.startswith("1.")
    with pytest.raises(pkg_resources.DistributionNotFound):
        pkg_resources.get_distribution("no_such_package")


@pytest.mark.parametrize("needed", ["adjust_bbox"], indirect=True)
def test_a_figure_is_cut(needed, monkeypatch) -> None:
    from matplotlib import _tight_bbox
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

    figure = Figure(figsize=(4, 3))
    canvas, box = FigureCanvasAgg(figure), Bbox([[1, 1], [3, 2]])
    with pytest.raises(TypeError, match="renderer"):
        _tight_bbox.adjust_bbox(figure, box)
    monkeypatch.setattr(_tight_bbox, "adjust_bbox", _tight_bbox.adjust_bbox)  # restored at the end
    needed.apply()
    restore = _tight_bbox.adjust_bbox(figure, box)
    assert figure.bbox_inches.size.tolist() == [2, 1]
    restore()
    _tight_bbox.adjust_bbox(figure, box, canvas.get_renderer())  # as matplotlib itself calls it
    assert figure.bbox_inches.size.tolist() == [2, 1]


@pytest.mark.parametrize("needed", ["TSNE"], indirect=True)
def test_iterations_of_tsne(needed, monkeypatch) -> None:
    from sklearn.base import clone
    from sklearn.manifold import TSNE

    with pytest.raises(TypeError, match="n_iter"):
        TSNE(n_iter=250)
    monkeypatch.setattr(TSNE, "__init__", TSNE.__init__)  # restored at the end
    needed.apply()
    assert TSNE(n_iter=250).max_iter == clone(TSNE(max_iter=250)).max_iter == 250
    assert "n_iter" not in inspect.signature(TSNE).parameters  # scikit-learn reads these
