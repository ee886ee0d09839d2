"""Pieces of HTML in which every text from outside is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

_SCRIPT_SAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}  # which end a line of JavaScript
Cell = str | int | float | None


def escape(text: object) -> str:
    """Return a text as HTML, also for use in a quoted attribute."""
    return html.escape(str(text), quote=True)


def script_json(value: Any) -> str:
    """Return JSON that can neither close nor open an element; NaN and infinity become null."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=_plain)
    for character, code in _LINE_ENDS.items():
        text = text.replace(character, code)
    return text.translate(_SCRIPT_SAFE)


def table(
    header: Sequence[str], rows: Iterable[Sequence[Cell]], numeric: Collection[int] = ()
) -> str:
    """Return a table that is sorted by a click on its header.

    Args:
        rows: Texts and numbers. A float is shown with 4 significant digits and sorted exactly;
            None and NaN are shown as a dash.
        numeric: The columns to align on the right, beside those whose first cell is a number.
    """
    rows = [list(row) for row in rows]
    right = set(numeric)
    right |= {i for i, cell in enumerate(rows[0]) if _is_number(cell)} if rows else set()
    names = "".join(
        f'<th scope="col"{_align(i in right)}><button>{escape(name)}</button></th>'
        for i, name in enumerate(header)
    )
    body = "".join(
        "<tr>" + "".join(_cell(cell, i in right) for i, cell in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{names}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def pairs(items: Mapping[str, object]) -> str:
    """Return names with their values, as a list of definitions."""
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in items.items())
    return f'<dl class="pairs">{"".join(rows)}</dl>'


def figure(plotly_figure: Any, height: int = 320) -> str:
    """Return a plot, which is drawn when it becomes visible, in the colours of the page.

    Args:
        plotly_figure: A ``plotly.graph_objects.Figure``, or a mapping with its ``data`` and
            ``layout``. Its template is left out.
        height: In pixels.
    """
    content = (
        plotly_figure if isinstance(plotly_figure, Mapping) else plotly_figure.to_plotly_json()
    )
    layout = {key: part for key, part in content.get("layout", {}).items() if key != "template"}
    text = script_json({"data": content["data"], "layout": layout})
    return (
        f'<div class="plot" style="height:{height}px">'
        f'<script type="application/json">{text}</script></div>'
    )


def note(text: object) -> str:
    """Return a paragraph that explains something."""
    return f'<p class="note">{escape(text)}</p>'


def details(summary: str, inner: str) -> str:
    """Return HTML that is folded away under a line of text."""
    return f"<details><summary>{escape(summary)}</summary>{inner}</details>"


def code(text: object) -> str:
    """Return text to copy, such as a command."""
    return f'<pre class="code">{escape(text)}</pre>'


def number(value: Cell) -> str:
    """Return a number with at most 4 significant digits, a dash for None and NaN."""
    if value is None or value != value:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(cell: Cell, right: bool) -> str:
    if not _is_number(cell):
        return f"<td{_align(right)}>{escape('–' if cell is None else cell)}</td>"
    return f'<td{_align(right)} data-value="{cell!r}">{number(cell)}</td>'


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float))


def _align(right: bool) -> str:
    return ' class="number"' if right else ""


def _finite(value: Any) -> Any:
    """Return a value in which JSON can hold every float, and arrays are lists."""
    if hasattr(value, "tolist"):  # a NumPy array or number
        value = value.tolist()
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return value


def _plain(value: object) -> str:
    return str(value)
