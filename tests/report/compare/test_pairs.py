"""The table of pairs as text."""

from mmresnet.evaluation.comparison.pairwise import Pair
from mmresnet.evaluation.comparison.significance import Difference
from mmresnet.report.compare.pairs import pair_rows, verdicts


def pair(first: int, second: int, value: float, adjusted: float) -> Pair:
    difference = Difference(value, value - 0.01, value + 0.01, 0.02)
    return Pair(first, second, difference, 0.02, adjusted, 0.00001, 1200, 7)


def test_rows():
    header, rows = pair_rows(["a", "b"], [pair(0, 1, 0.0123, 0.02)])
    assert dict(zip(header, rows[0], strict=True)) == {
        "first": "a",
        "second": "b",
        "difference": "+1.23",
        "95% interval": "+0.23 to +2.23",
        "only first right": "1,200",
        "only second right": "7",
        "p": "0.02",
        "exact p": "<0.0001",
    }


def test_verdicts_after_holm():
    pairs = [pair(0, 1, -0.01, 0.02), pair(0, 2, 0.01, 0.04), pair(1, 2, 0.02, 0.06)]
    assert pair_rows("abc", pairs)[0][-1] == "p after Holm"
    assert verdicts("abc", pairs) == [
        "a is better than b (p 0.02).",
        "c is better than a (p 0.04).",
        "No significant difference between b and c (p 0.06).",
    ]
