"""A config is formatted once."""

import pytest
from mmengine.config import Config, config

from mmresnet.compat import FORMATTING
from mmresnet.compat.formatting import remember_formatted


@pytest.fixture
def formatted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are formatted, in a mmengine without the patch."""
    texts: list[str] = []

    def format_code(code: str, **settings: object) -> tuple[str, bool]:
        texts.append(code)
        assert settings["style_config"]["based_on_style"] == "pep8"
        return f"# formatted\n{code}", True

    monkeypatch.setattr(config, "FormatCode", format_code)
    return texts


def test_upstream_formats_each_time(formatted: list[str]) -> None:
    assert FORMATTING.needed(), "pretty_text no longer formats; remove the patch"
    assert Config({"a": 1}).pretty_text == Config({"a": 1}).pretty_text
    assert len(formatted) == 2, "upstream remembers; remove the patch"


def test_each_text_is_formatted_once(formatted: list[str]) -> None:
    remember_formatted()
    one, other = Config({"a": 1, "b": {"c": [1, 2]}}), Config({"a": 2})
    texts = [one.pretty_text, other.pretty_text, one.pretty_text, other.pretty_text]
    assert texts[:2] == texts[2:]
    assert all(text.startswith("# formatted\n") for text in texts)
    assert len(formatted) == 2
    one.a = 3
    assert "a=3" in one.pretty_text


def test_what_is_refused_is_refused_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(code: str, **_: object) -> None:
        raise ValueError(code)

    monkeypatch.setattr(config, "FormatCode", refuse)
    remember_formatted()
    for _ in range(2):
        with pytest.raises(SyntaxError, match="Failed to format"):
            _ = Config({"a": 1}).pretty_text
