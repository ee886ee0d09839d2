"""The table of all pairs of runs, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from mmresnet.evaluation.comparison.pairwise import Pair
from mmresnet.evaluation.comparison.significance import CONFIDENCE, RESAMPLES, SEED
from mmresnet.report.html import note, table

_CLASSIFIERS = (
    "p is McNemar's, on the images that only one of the two gets right: mid-p, and the exact test, "
    "which is conservative."
)
_DETECTORS = "p is twice the share of these resamples in which the difference has the other sign."


def pair_rows(names: Sequence[str], pairs: Sequence[Pair]) -> tuple[list[str], list[list[str]]]:
    """Return the header of the table of pairs, and its rows; a row per pair."""
    counted = pairs[0].first_only is not None
    header = ["first", "second", "difference", f"{CONFIDENCE:.0%} interval"]
    header += ["only first right", "only second right", "p", "exact p"] if counted else ["p"]
    rows = []
    for one in pairs:
        difference = one.difference
        row = [names[one.first], names[one.second], f"{100 * difference.value:+.2f}"]
        row.append(f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}")
        if counted:
            row += [f"{one.first_only:,}", f"{one.second_only:,}"]
        row += [p_text(one.p), *([p_text(one.exact)] if one.exact is not None else [])]
        rows.append([*row, *([p_text(one.adjusted)] if len(pairs) > 1 else [])])
    return [*header, *(["p after Holm"] if len(pairs) > 1 else [])], rows


def method(pairs: Sequence[Pair], figure: str) -> str:
    """Return how differences were computed, in a few sentences."""
    text = (
        f"Differences of {figure} in percentage points, the second run less the first; interval: "
        f"percentiles of a bootstrap over the images ({RESAMPLES:,} resamples, seed {SEED}). "
    )
    text += _CLASSIFIERS if pairs[0].exact is not None else _DETECTORS
    if len(pairs) > 1:
        text += f" Holm's correction is for {len(pairs)} pairs."
    return text


def verdicts(names: Sequence[str], pairs: Sequence[Pair]) -> list[str]:
    """Return a sentence for each pair on whether its difference can be chance."""
    return [_verdict(names, one) for one in pairs]


def _verdict(names: Sequence[str], one: Pair) -> str:
    better, worse = names[one.second], names[one.first]
    if one.difference.value < 0:
        better, worse = worse, better
    if one.adjusted < 1 - CONFIDENCE:
        return f"{better} is better than {worse} (p {p_text(one.adjusted)})."
    return f"No significant difference between {worse} and {better} (p {p_text(one.adjusted)})."


def pair_html(names: Sequence[str], pairs: Sequence[Pair], figure: str) -> str:
    """Return the table with the sentences before and the method after it."""
    header, rows = pair_rows(names, pairs)
    lines = "".join(note(text) for text in verdicts(names, pairs))
    return lines + table(header, rows, numeric=range(2, len(header))) + note(method(pairs, figure))


def p_text(p: float) -> str:
    """Return a p-value with two significant digits, at least 0.0001."""
    return "<0.0001" if p < 1e-4 else f"{p:.2g}"
