"""The committed table agrees with the nets, the paper and the model zoos."""

from pathlib import Path

import pytest

from mmresnet.evaluation.complexity import measure, nets

TABLE = Path(__file__).parents[2] / "docs" / "model_complexity.md"
NETS = {name: (name, size, make) for name, size, make in nets()}
QUICK = ("ResNet-18", "ResNet-50", "CifarResNet-20")


def committed() -> dict[str, tuple[float, float]]:
    rows = [line.split("|")[1:-1] for line in TABLE.read_text().splitlines() if "-" in line]
    rows = [[cell.strip() for cell in row] for row in rows if len(row) == 4]
    return {row[0]: (float(row[2]), float(row[3])) for row in rows if row[0] in NETS}


def test_the_table_has_every_net() -> None:
    assert list(committed()) == list(NETS)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in QUICK else pytest.mark.full) for n in NETS],
)
def test_the_committed_row_agrees_with_the_net(name: str) -> None:
    assert measure(*NETS[name]).row() in TABLE.read_text().splitlines()


def test_the_table_agrees_with_the_zoo() -> None:
    """mmpretrain's model zoo, with 21.8 M parameters for ResNet-34, where it prints 2.18 M."""
    zoo = {18: (11.69, 1.82), 34: (21.80, 3.68), 50: (25.56, 4.12), 101: (44.55, 7.85)}
    zoo[152] = (60.19, 11.58)
    for depth, (parameters, adds) in zoo.items():
        ours = committed()[f"ResNet-{depth}"]
        assert ours == pytest.approx((parameters, adds), rel=0.01)


def test_the_table_agrees_with_the_paper() -> None:
    table = committed()
    millions = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7, 1202: 19.4}  # Table 6
    for depth, parameters in millions.items():
        assert table[f"CifarResNet-{depth}"][0] == pytest.approx(parameters, abs=0.06)
    for depth, adds in {18: 1.8, 34: 3.6}.items():  # Table 1
        assert table[f"ResNet-{depth}"][1] == pytest.approx(adds, abs=0.1)
    for depth, adds in {50: 3.8, 101: 7.6, 152: 11.3}.items():  # with the stride in the 1×1
        assert table[f"ResNet-{depth} caffe"][1] == pytest.approx(adds, abs=0.1)
    assert table["ResNet-34 A"] == table["PlainNet-34"]
    assert table["ResNet-152"][1] < table["VGG-16"][1] < table["VGG-19"][1]
    assert table["VGG-16"][1] == pytest.approx(15.3, abs=0.3)
    assert table["VGG-19"][1] == pytest.approx(19.6, abs=0.3)
    assert table["PlainNet-34"][0] < table["ResNet-34"][0]  # by the projections
