"""The bar is shown in a terminal only, and the log's stream is restored."""

import io
import logging
import sys
from types import SimpleNamespace

import pytest

from mmresnet.engine.progress import ProgressHook


class Terminal(io.StringIO):
    def __init__(self, is_terminal: bool):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


def run(monkeypatch: pytest.MonkeyPatch, is_terminal: bool, fail: bool = False) -> tuple[str, bool]:
    """Return the output of four iterations and a validation, and whether the stream is restored."""
    terminal = Terminal(is_terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    handler = logging.StreamHandler(terminal)
    runner = SimpleNamespace(
        max_iters=4, iter=0, val_dataloader=[0, 1], logger=SimpleNamespace(handlers=[handler])
    )
    hook = ProgressHook()
    hook.before_train(runner)
    for runner.iter in range(4):
        hook.after_train_iter(runner, runner.iter)
    handler.emit(logging.makeLogRecord({"msg": "a line of the log"}))
    if not fail:
        hook.before_val_epoch(runner)
        hook.after_val_iter(runner, 0)
        hook.after_val_epoch(runner)
        hook.after_train(runner)
    hook.close()
    hook.close()
    assert sys.stdout is terminal
    return terminal.getvalue(), handler.stream is terminal


@pytest.mark.parametrize("fail", [False, True])
def test_a_bar_with_the_time_left_in_a_terminal(fail, monkeypatch):
    output, restored = run(monkeypatch, True, fail)
    assert "4/4" in output
    assert "time left" in output
    assert "a line of the log" in output
    assert output.rstrip().endswith("\x1b[?25h")  # the cursor is shown again
    assert restored


def test_no_bar_in_a_file(monkeypatch):
    assert run(monkeypatch, False) == ("a line of the log\n", True)
