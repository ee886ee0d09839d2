"""Of a log, the terminal shows what is announced and warnings of use; the file has everything."""

import logging
from pathlib import Path

import pytest
from mmengine.logging import MMLogger

from mmresnet.engine.terminal import announce, restore, summarize

TABLE = "bbox:\n+-------+\n| class |\n+-------+"


def logger_in(folder: Path) -> MMLogger:
    log_file = folder / "run.log"
    return MMLogger.get_instance(str(log_file), logger_name="mmengine", log_file=str(log_file))


@pytest.mark.parametrize(
    ("level", "text", "shown"),
    [
        (logging.INFO, "Config:\nmodel = dict()", ""),
        (logging.INFO, "Epoch(train) [1][10/22]  loss: 1.0", ""),
        (logging.INFO, TABLE, ""),
        (logging.WARNING, "The weights were trained on RGB images", "Warning: The weights"),
        (logging.ERROR, "nothing works", "Error: nothing works"),
        (logging.WARNING, '"HardDiskBackend" is the alias of "LocalBackend"', ""),
    ],
)
def test_what_is_shown(level, text, shown, tmp_path, capsys):
    logger = logger_in(tmp_path)
    summarize(logger)
    logger.log(level, text)
    printed = capsys.readouterr().out
    assert printed.startswith(shown)
    assert bool(printed) == bool(shown)
    assert text in (tmp_path / "run.log").read_text()


def test_an_announcement(tmp_path, capsys):
    logger = logger_in(tmp_path)
    summarize(logger)
    announce(logger, "epoch 1/2")
    assert capsys.readouterr().out == "epoch 1/2\n"
    assert "mmengine - INFO - epoch 1/2\n" in (tmp_path / "run.log").read_text()


def test_tables_of_a_test(tmp_path, capsys):
    logger = logger_in(tmp_path)
    summarize(logger).tables = True
    logger.info(TABLE)
    assert capsys.readouterr().out == f"{TABLE}\n"


def test_a_restored_log_shows_everything_as_before(tmp_path, capsys):
    logger = logger_in(tmp_path)
    before = [(handler.formatter, list(handler.filters)) for handler in logger.handlers]
    summarize(logger)
    restore(logger)
    assert [(handler.formatter, handler.filters) for handler in logger.handlers] == before
    logger.info("Epoch(train)")
    assert "mmengine - " in (shown := capsys.readouterr().out)
    assert "Epoch(train)" in shown
