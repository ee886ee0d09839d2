"""``mmresnet convert`` of whole checkpoints."""

from pathlib import Path

import pytest

from mmresnet.cli.main import main


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("weights.pth", "out.pth", "--to is missing"),
        ("folder", "out.safetensors", "is written as .pth"),
        ("folder", "out.pth", "is a folder that no sharded training has saved"),
    ],
)
def test_mistakes(
    source: str, target: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    assert main(["convert", str(tmp_path / source), str(tmp_path / target)]) == 2
    assert message in capsys.readouterr().err
