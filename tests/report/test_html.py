"""Pieces of HTML: nothing from outside becomes an element, an attribute or a script."""

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from mmresnet.report.html import code, details, escape, figure, note, pairs, script_json, table

SCRIPT = '</script><script>alert(1)</script><!-- \'"onerror="alert(1)'


@pytest.mark.parametrize(
    "html",
    [
        escape(SCRIPT),
        note(SCRIPT),
        code(SCRIPT),
        details(SCRIPT, ""),
        pairs({SCRIPT: SCRIPT}),
        table([SCRIPT], [[SCRIPT]]),
        figure({"data": [{"name": SCRIPT}]}),
    ],
    ids=["escape", "note", "code", "details", "pairs", "table", "figure"],
)
def test_texts_stay_texts(html):
    assert "<script>alert" not in html
    assert html.count("</script>") == html.count("<script type=")
    assert re.sub(r"<script.*?</script>", "", html).count('"') % 2 == 0  # attributes alone
    assert 'onerror="' not in re.sub(r"<script.*?</script>", "", html)


def test_json_holds_arrays_and_what_is_not_finite():
    value = {
        "a": np.arange(3),
        "b": [np.float32(0.5), float("nan"), float("inf")],
        3: (True, None, SCRIPT),
    }
    text = script_json(value)
    assert json.loads(text) == {"a": [0, 1, 2], "b": [0.5, None, None], "3": [True, None, SCRIPT]}
    assert not re.search(r"[<>&]", text)


def test_lines_of_unicode_end_no_script():
    assert script_json("\u2028\u2029") == '"\\u2028\\u2029"'


def test_a_table_shows_four_digits_and_sorts_by_all():
    html = table(["class", "AP"], [["cat", 0.123456], ["dog", None], ["owl", float("nan")]])
    assert '<td class="number" data-value="0.123456">0.1235</td>' in html
    assert '<td class="number">–</td>' in html
    assert '<td class="number" data-value="nan">–</td>' in html
    assert "<tbody></tbody>" in table(["class"], [])


def test_a_figure_of_plotly_loses_its_template():
    drawn = figure(go.Figure(go.Scatter(x=[1, 2], y=[3, 4]), layout={"xaxis": {"title": "a"}}))
    content = json.loads(re.search(r">(\{.*\})</script>", drawn)[1])
    assert list(content["layout"]) == ["xaxis"]
    assert content["data"][0]["y"] == [3, 4]
