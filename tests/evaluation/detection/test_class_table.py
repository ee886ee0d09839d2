"""The table of average precision by class."""

import math

from mmresnet.evaluation.detection.class_table import SUMMARY, class_table


def test_a_line_for_each_class_and_one_for_all():
    cat = {"boxes": 12, **dict.fromkeys(SUMMARY, 0.25)}
    owl = {"boxes": 0, **dict.fromkeys(SUMMARY, math.nan)}
    stats = {**dict.fromkeys(SUMMARY, 0.25), "mAP_l": -1.0}
    lines = class_table("bbox", {"cat": cat, "owl": owl}, stats).splitlines()
    assert lines[0] == "bbox:"
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    assert cells == [
        ["class", "boxes", "AP", "AP_50", "AP_75", "AP_s", "AP_m", "AP_l"],
        ["cat", "12", *["0.250"] * 6],
        ["owl", "0", *["-"] * 6],
        ["all", "12", *["0.250"] * 5, "-"],
    ]
