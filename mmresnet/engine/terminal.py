"""What the terminal shows of a run's log; the log file has all of it."""

from __future__ import annotations

import logging

# Warnings of other libraries that nobody can act on: how they use each other, and what they lack
# and do without.
_NOISE = (
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    "Reach the end of the dataloader",
    "The prefix is not set in metric class",
    "has no metainfo.",
    "has been called more than once.",
    "Failed to search registry with scope",
    "is skipped since its requires_grad=False",
    "`self.param_schedulers` is None",
    "Resumed iteration number is not divisible",  # the accumulated gradients are in the checkpoint
)
_TABLE = "\n+--"


class TerminalFilter(logging.Filter):
    """Passes what is announced, and warnings of use to the reader.

    Attributes:
        tables: Whether tables of metrics pass as well.
    """

    tables = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the terminal shows a record."""
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            return not any(words in text for words in _NOISE)
        return getattr(record, "terminal", False) or (self.tables and _TABLE in text)


class TerminalFormatter(logging.Formatter):
    """The text of a record without time and logger; warnings and errors are called so.

    Args:
        replaced: The handler's own formatter, for :func:`restore`.
    """

    def __init__(self, replaced: logging.Formatter | None) -> None:
        super().__init__()
        self.replaced = replaced

    def format(self, record: logging.LogRecord) -> str:
        """Return the text to show."""
        text = super().format(record)
        level = record.levelname.capitalize()
        return f"{level}: {text}" if record.levelno >= logging.WARNING else text


def summarize(logger: logging.Logger) -> TerminalFilter:
    """Let a logger show a summary in the terminal, and return the filter that decides."""
    terminal_filter = TerminalFilter()
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:  # a FileHandler is a subclass
            handler.addFilter(terminal_filter)
            handler.setFormatter(TerminalFormatter(handler.formatter))
    return terminal_filter


def restore(logger: logging.Logger) -> None:
    """Let a logger show everything in the terminal again, as before :func:`summarize`."""
    for handler in logger.handlers:
        if isinstance(handler.formatter, TerminalFormatter):
            handler.setFormatter(handler.formatter.replaced)
            for terminal_filter in handler.filters[:]:
                if isinstance(terminal_filter, TerminalFilter):
                    handler.removeFilter(terminal_filter)


def announce(logger: logging.Logger, text: str) -> None:
    """Log a text that the terminal shows too."""
    logger.info(text, extra={"terminal": True})
