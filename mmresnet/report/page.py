"""One HTML file of sections, with everything in it that it needs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib.resources
import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from string import Template
from typing import Any

from mmengine.logging import print_log

from mmresnet.errors import MissingPackageError
from mmresnet.report.html import escape, note, script_json
from mmresnet.report.images import Images

_STATIC = importlib.resources.files("mmresnet.report") / "static"


@dataclass(frozen=True)
class Section:
    """A part of the page, under a heading.

    Attributes:
        name: Its anchor, and the key of its data and script.
        html: In which every text from outside went through :func:`mmresnet.report.html.escape`.
        data: What its script needs, as JSON.
        script: A file in ``static`` that calls ``report.section(name, (element, data) => …)``.
    """

    name: str
    title: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    script: str = ""


def attempt(title: str, part: Callable[[], list[Section]]) -> list[Section]:
    """Return what a part of the page gives; if it fails, a section that says why."""
    try:
        return part()
    except Exception as error:  # whatever it is, it costs the page no other part
        reason = f"{type(error).__name__}: {error}"
        print_log(f"The report has no part '{title}'. {reason}", "current", logging.WARNING)
        name = title.lower().replace(" ", "-")
        return [Section(name, title, note(f"This part could not be made. {reason}"))]


def assemble(title: str, sections: Sequence[Section], images: Images) -> str:
    """Return a page as text.

    It loads nothing and runs no scripts but its own, which its Content-Security-Policy names by
    their hashes: a text of the data that slipped through unescaped would do nothing.

    Raises:
        MissingPackageError: plotly is not installed, whose JavaScript draws the plots.
    """
    plotly = plotly_js()
    names = ["report.js", *dict.fromkeys(one.script for one in sections if one.script)]
    scripts = [(_STATIC / name).read_text(encoding="utf-8") for name in names]
    data = {
        "sections": {one.name: one.data for one in sections if one.script},
        "pictures": images.uris,
    }
    return Template((_STATIC / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        policy=" ".join(_hash(text) for text in [*scripts, plotly]),
        style=(_STATIC / "report.css").read_text(encoding="utf-8"),
        links="".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in sections),
        sections="\n".join(map(_section, sections)),
        data=script_json(data),
        plotly=_packed(plotly),
        scripts="".join(f"<script>{text}</script>\n" for text in scripts),
    )


@cache
def plotly_js() -> str:
    """Return plotly's JavaScript.

    Raises:
        MissingPackageError: plotly is not installed.
    """
    if importlib.util.find_spec("plotly") is None:
        raise MissingPackageError(
            "A report needs the package 'plotly', which is not installed: "
            'pip install "mmresnet[report]".'
        )
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _packed(script: str) -> str:
    """Return a script as gzip in base64, a third of its length."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode()


def _section(section: Section) -> str:
    return (
        f'<section id="{escape(section.name)}"><h2>{escape(section.title)}</h2>'
        f"{section.html}</section>"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
