"""A config is formatted once, although its text is asked for several times."""

import functools
import inspect
from typing import Any


def formats_each_time() -> bool:
    from mmengine.config import Config

    return "FormatCode(" in inspect.getsource(Config.pretty_text.fget)


def remember_formatted() -> None:
    """Let mmengine's configs keep what yapf made of the last few texts."""
    from mmengine.config import config

    original = config.FormatCode

    @functools.lru_cache(maxsize=4)
    def format_once(code: str, style: tuple[Any, ...], settings: tuple[Any, ...]) -> Any:
        return original(code, style_config=dict(style), **dict(settings))

    def format_code(code: str, style_config: dict[str, Any], **settings: Any) -> Any:
        return format_once(code, tuple(style_config.items()), tuple(settings.items()))

    config.FormatCode = format_code
