"""Mistakes become one sentence and an exit code; accidents keep their traceback."""

import pytest

from mmresnet.apis import cli
from mmresnet.errors import UserError


def fail_with(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("Say this."), 2, "Say this."),
        (AssertionError("failed to load image: a/b.jpg"), 1, "a/b.jpg cannot be decoded"),
        (ValueError("Expected more than 1 value per channel when training"), 1, "at least 2"),
        (KeyboardInterrupt(), 130, "--resume"),
    ],
)
def test_a_known_mistake_is_one_line_and_a_code(error, code, words, capsys):
    assert cli.run(fail_with(error)) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_an_accident_is_not_hidden():
    with pytest.raises(ValueError, match="accident"):
        cli.run(fail_with(ValueError("accident")))


def test_options_are_values():
    given = ["a.b=1", "c=(1, 2)", "d=text", "e=True", "f=x=y"]
    wanted = {"a.b": 1, "c": (1, 2), "d": "text", "e": True, "f": "x=y"}
    assert cli.parse_options(given) == wanted
    with pytest.raises(UserError, match="key=value"):
        cli.parse_options(["nothing"])
