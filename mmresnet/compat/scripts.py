"""Scripts of other packages run with today's setuptools, matplotlib and scikit-learn."""

import functools
import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _source(package: str, *path: str) -> str:
    """Return the text of a package's file without importing it; none where that is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    file = Path(spec.origin).parent.joinpath(*path)
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def pkg_resources_is_gone() -> bool:
    return importlib.util.find_spec("pkg_resources") is None


def provide_pkg_resources() -> None:
    """Put a module there with the two names that tell an installed package's version."""
    module: Any = ModuleType("pkg_resources", "Versions of installed packages, for old scripts.")
    module.get_distribution = importlib.metadata.distribution
    module.DistributionNotFound = importlib.metadata.PackageNotFoundError
    sys.modules["pkg_resources"] = module


def adjust_bbox_needs_a_renderer() -> bool:
    return "def adjust_bbox(fig, bbox_inches, renderer," in _source("matplotlib", "_tight_bbox.py")


def patch_adjust_bbox() -> None:
    """Let the renderer default to that of the figure's canvas."""
    from matplotlib import _tight_bbox

    upstream_adjust: Any = _tight_bbox.adjust_bbox

    @functools.wraps(upstream_adjust)
    def adjust_bbox(
        fig: "Figure", bbox_inches: Any, renderer: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if renderer is None:
            canvas: Any = fig.canvas
            renderer = canvas.get_renderer()
        return upstream_adjust(fig, bbox_inches, renderer, *args, **kwargs)

    _tight_bbox.adjust_bbox = adjust_bbox


def tsne_has_no_n_iter() -> bool:
    source = _source("sklearn", "manifold", "_t_sne.py")
    return "max_iter=1000" in source and not re.search(r"\bn_iter=", source)


def patch_tsne() -> None:
    """Let ``n_iter`` be another name for ``max_iter``."""
    from sklearn.manifold import TSNE

    upstream_init = TSNE.__init__

    @functools.wraps(upstream_init)
    def init(self: Any, *args: Any, n_iter: int | None = None, **kwargs: Any) -> None:
        if n_iter is not None:
            kwargs["max_iter"] = n_iter
        upstream_init(self, *args, **kwargs)

    TSNE.__init__ = init
