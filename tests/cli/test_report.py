"""``mmresnet report`` writes the reports of runs again."""

from pathlib import Path

from mmresnet.cli.main import main

CONFIG = "default_scope = 'mmpretrain'\n"


def run_of(folder: Path) -> Path:
    start = folder / "20260131_120000"
    (start / "vis_data").mkdir(parents=True)
    (start / f"{start.name}.log").write_text("")
    (start / "vis_data" / "config.py").write_text(CONFIG)
    (start / "vis_data" / "scalars.json").write_text('{"loss": 1.5, "step": 1}\n')
    return folder


def test_reports_of_several_runs(tmp_path, capsys):
    folders = [run_of(tmp_path / name) for name in ("a", "b")]
    assert main(["report", *map(str, folders)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" (")[0] for line in printed] == [
        f"Wrote {folder}/report.html" for folder in folders
    ]
    assert '<section id="curves">' in (folders[1] / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_is_no_runs(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "missing")]) == 2
    assert f"There is no folder '{tmp_path}/missing'" in capsys.readouterr().err
