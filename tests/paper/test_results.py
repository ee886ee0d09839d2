"""Results and tables: what is collected, how it is shown, and that the page shows the same."""

from pathlib import Path

import pytest

from mmresnet.paper import report, results
from mmresnet.paper.catalogue import EXPERIMENTS
from mmresnet.paper.experiment import Column, Experiment, Protocol, Row, error

PAGE = Path(__file__).parents[2] / "docs" / "paper.md"
COLUMNS = (Column("top-1 error, %", "accuracy/top1", error), Column("runs", "count", decimals=0))
EXPERIMENT = Experiment(
    "table99",
    "An example",
    COLUMNS,
    (
        Row("one", (8.75, None), ("a",), recipe="resnet20_1xb128_cifar10-images"),
        Row("five", (6.43, None), ("b", "c"), note="6.61 ± 0.16"),
        Row("not measured", (None, None), ("d",)),
    ),
    Protocol("", ()),
)
WAY = {"data": "x; 8 epochs", "command": "mmresnet paper", "date": "2026-01-01", "machine": "y"}


def collected():
    figures = {
        "a": {"": {"accuracy/top1": 91.0, "count": 1.0}},
        "b": {"": {"accuracy/top1": 93.5}},
        "c": {"": {"accuracy/top1": 93.1}},
    }
    return results.collect(EXPERIMENT, figures, **WAY)


def test_figures_are_converted_and_repeated_trainings_stay_together():
    values = {(one.row, one.column): one.values for one in collected()}
    assert values == {
        ("one", "top-1 error, %"): (9.0,),
        ("one", "runs"): (1.0,),
        ("five", "top-1 error, %"): (6.5, pytest.approx(6.9)),
    }


def test_a_file_of_results_is_read_as_it_was_written(tmp_path):
    results.write(tmp_path / "a.json", collected())
    assert results.read(tmp_path / "a.json") == collected()
    assert results.read(tmp_path / "none.json") == []


def test_the_table_has_paper_reproduction_and_measurement():
    """6.5 and 6.9: the best 6.50, mean 6.70, deviation √((0.2² + 0.2²) / (2 - 1)) = 0.283."""
    header = "|  | paper | public reproduction | measured |"
    assert report.table(EXPERIMENT, collected()) == [
        "top-1 error, % / runs",
        "",
        header,
        "|---|---|---|---|",
        "| one | 8.75 / – | 8.27 (akamaster/pytorch_resnet_cifar10) | 9.00 / 1 |",
        "| five | 6.43 / – (6.61 ± 0.16) | – | 6.50 (6.70 ± 0.28) / – |",
        "| not measured | – | – | – |",
        "",
        "Measured on x; 8 epochs: `mmresnet paper`, 2026-01-01, y.",
    ]


def test_the_newest_result_of_a_way_is_shown():
    newer = results.Result("table99", "one", "top-1 error, %", (5.0,), **WAY)
    row = report.table(EXPERIMENT, [*collected(), newer])[4]
    assert row.endswith("| 5.00 / 1 |")


def test_each_way_of_measuring_has_a_column():
    other = {**WAY, "data": "", "date": "2026-02-02"}
    more = results.Result("table99", "five", "runs", (5.0,), **other)
    elsewhere = results.Result("table98", "one", "runs", (7.0,), **WAY)
    lines = report.table(EXPERIMENT, [*collected(), more, elsewhere])
    assert lines[2] == "|  | paper | public reproduction | measured 1 | measured 2 |"
    assert lines[4].endswith("| 9.00 / 1 | – |")
    assert lines[5].endswith("| 6.50 (6.70 ± 0.28) / – | – / 5 |")
    assert lines[-3:] == [
        "Measured 1 on x; 8 epochs: `mmresnet paper`, 2026-01-01, y.",
        "",
        "Measured 2: `mmresnet paper`, 2026-02-02, y.",
    ]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_recipes_of_reproductions_publish_a_figure(name):
    for row in EXPERIMENTS[name].rows:
        if row.recipe:
            figure, _, source = report.published(row.recipe).partition(" (")
            assert 0 < float(figure) < 100 and source.endswith(")")


def test_shipped_results_are_for_places_that_there_are():
    for one in results.read():
        experiment = EXPERIMENTS[one.experiment]
        assert one.row in [row.label for row in experiment.rows]
        assert one.column in [column.title for column in experiment.columns]
        assert one.values and one.command.startswith("mmresnet ") and one.machine


def test_the_page_has_the_tables_that_the_command_prints():
    """Written by: mmresnet paper --markdown, below the line."""
    tables = "\n".join(report.page(list(EXPERIMENTS.values()), results.read()))
    assert PAGE.read_text(encoding="utf-8").endswith(f"{tables}\n")
