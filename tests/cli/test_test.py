"""mmresnet test: options of protocols that contradict each other are told at once."""

import pytest

from mmresnet.cli.main import main
from mmresnet.cli.test import _PROTOCOLS
from mmresnet.engine.protocols import PROTOCOLS


def test_the_command_lists_all_protocols():
    assert _PROTOCOLS == PROTOCOLS


@pytest.mark.parametrize("protocol", [[], ["--protocol", "ten-crop"]])
def test_scales_are_for_dense_testing(protocol, capsys):
    assert main(["test", "digits_resnet20", "a.pth", "--scales", "16", *protocol]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"the protocol is '{(protocol or ['recipe'])[-1]}': add --protocol dense.")


def test_a_file_that_cannot_be_written_is_told_first(capsys, tmp_path):
    for name, said in (("a.txt", "must end in .npz"), ("b/a.npz", "there is no folder")):
        arguments = ["test", "digits_resnet20", "a.pth", "--scores", str(tmp_path / name)]
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line


def test_an_unknown_protocol_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["test", "digits_resnet20", "a.pth", "--protocol", "tencrop"])
    assert "'recipe', 'ten-crop', 'dense'" in capsys.readouterr().err
