"""A table of average precision by class."""

import math

from terminaltables import AsciiTable

SUMMARY = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")


def class_table(metric: str, rows: dict[str, dict[str, float]], stats: dict[str, float]) -> str:
    """Return a table titled ``metric``: a line for each class, and one for all.

    Args:
        rows: by class, the number of its boxes as ``boxes``, and the values of SUMMARY, NaN
            where the class has no such boxes.
        stats: the values of SUMMARY for all classes, -1 where there are no such boxes.
    """
    total = {"boxes": sum(row["boxes"] for row in rows.values())}
    total |= {item: stats[item] if stats[item] > -1 else math.nan for item in SUMMARY}
    lines = [["class", "boxes", *(item.removeprefix("m") for item in SUMMARY)]]
    for name, row in (*rows.items(), ("all", total)):
        numbers = ["-" if math.isnan(row[item]) else f"{row[item]:.3f}" for item in SUMMARY]
        lines.append([name, str(row["boxes"]), *numbers])
    table = AsciiTable(lines)
    table.justify_columns = dict.fromkeys(range(1, len(lines[0])), "right")
    table.inner_footing_row_border = True
    return f"{metric}:\n{table.table}"
