"""The page: one file that needs nothing else and runs no scripts but its own."""

import base64
import gzip
import hashlib
import importlib.util
import json
import re

import pytest

from mmresnet.errors import MissingPackageError
from mmresnet.report import page
from mmresnet.report.images import Images
from mmresnet.report.page import Section, assemble


def test_the_policy_names_every_script():
    text = assemble("a", [Section("b", "B", "<p>c</p>")], Images())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    packed = re.search(r'id="plotly">([^<]*)<', text)[1]
    scripts.append(gzip.decompress(base64.b64decode(packed)).decode())
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    assert all(f"'sha256-{one}'" in policy for one in hashes)
    assert policy.count("sha256-") == len(hashes) == 2
    assert "default-src 'none'" in policy


def test_nothing_is_loaded():
    text = assemble("a", [Section("b", "B", "")], Images())
    outside = re.sub(r'id="plotly">[^<]*<', "", text)
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(""", outside)
    assert len(text) < 2.5e6  # plotly is 4.8 MB


def test_data_reach_their_section_and_titles_are_escaped():
    hostile = "</script><script>alert(1)</script>"
    section = Section("b", hostile, "", {"name": hostile}, "strips.js")
    text = assemble(hostile, [section], Images())
    data = json.loads(re.search(r'id="report-data">(.*?)</script>', text)[1])
    assert data == {"sections": {"b": {"name": hostile}}, "pictures": []}
    assert "alert(1)</script>" not in text


def test_without_plotly_the_extra_is_named(monkeypatch):
    page.plotly_js.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r'plotly.*pip install "mmresnet\[report\]"'):
        assemble("a", [], Images())
