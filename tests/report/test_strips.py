"""Rows of pictures: every text is escaped, and a picture may lack."""

from mmresnet.report.strips import Frame, grid, strip


def test_a_row_has_pictures_with_captions():
    html = strip([Frame(3, "a"), Frame(None, "b", ["c", "d"])])
    assert html.count("<figure>") == 2
    assert '<img data-picture="3" alt="a">' in html
    assert "no picture</span><figcaption><b>b</b><span>c</span><span>d</span>" in html
    assert grid([html]) == f'<div class="strips">{html}</div>'


def test_texts_are_escaped():
    html = strip([Frame(0, '"><script>', ["</span><script>"])], wide=True)
    assert "<script>" not in html
    assert 'alt="&quot;&gt;' in html
