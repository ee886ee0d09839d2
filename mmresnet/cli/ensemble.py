"""Average the class scores of several tests, and print the errors."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmresnet.datasets.class_scores import ClassScores
    from mmresnet.evaluation.ensembles import Errors

EXAMPLE = """\
  %(prog)s resnet34.npz resnet50.npz resnet101.npz
  %(prog)s resnet34.npz resnet50.npz --weights 1 2
  %(prog)s resnet34.npz resnet50.npz resnet101.npz --subsets
  %(prog)s resnet50.npz resnet101.npz --out both.npz
  %(prog)s resnet50.npz resnet101.npz --submission answer.txt --devkit-labels map_clsloc.txt
The files are those that mmresnet test --scores FILE.npz writes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the members, and what is done with them."""
    parser.add_argument("files", nargs="+", metavar="FILE.npz", help="class scores of a test")
    parser.add_argument(
        "--weights", nargs="+", type=float, metavar="W", help="of the members, in their order"
    )
    parser.add_argument(
        "--subsets", action="store_true", help="print the errors of every subset, the best first"
    )
    parser.add_argument(
        "--out",
        metavar="FILE.npz",
        help="write the average as a file of scores, such as for localization",
    )
    parser.add_argument(
        "--submission",
        metavar="FILE",
        help="write the five best classes of each image, as ILSVRC's test server takes them",
    )
    parser.add_argument(
        "--devkit-labels",
        metavar="FILE",
        help="the numbers of the classes in the challenge: lines of WordNet id and number, as in "
        "the devkit's map_clsloc.txt",
    )


def run(args: argparse.Namespace) -> None:
    """Print a table of the errors; write the submission."""
    if (args.submission is None) != (args.devkit_labels is None):
        raise UserError(
            "--submission FILE needs --devkit-labels FILE, and the other way about: the server "
            "numbers the classes as the challenge's devkit does, not in the order of WordNet ids."
        )
    from mmresnet.datasets.class_scores import check_free, load, save
    from mmresnet.evaluation import ensembles, submission

    numbers = submission.read_devkit_labels(args.devkit_labels) if args.submission else {}
    if len(set(args.files)) < len(args.files):
        raise UserError("A file is given twice: to weight a member, use --weights.")
    ensembles.check_weights(args.weights, len(args.files))
    whole = tuple(range(len(args.files)))
    subsets = ensembles.all_subsets(len(whole)) if args.subsets else [whole]
    members = ensembles.align({path: load(path) for path in args.files})
    if args.out:
        check_free(args.out, _test_of(args, members), "--out")
    if members[0].labels is not None or not (args.submission or args.out):
        singles = [(index,) for index in whole]
        wanted = list(dict.fromkeys([*singles, *subsets]))
        found = _evaluate(members, sorted(wanted), args.weights)
        _print(args, members, found)
    if args.out:
        scores = ensembles.average(members, args.weights)
        save(args.out, replace(members[0], scores=scores, test=_test_of(args, members)))
        print(f"Wrote {args.out}: the average of {len(members)}")
    if args.submission:
        order = submission.numbers_of(members[0].classes, numbers)
        scores = ensembles.average(members, args.weights)
        submission.write_submission(args.submission, scores, members[0].images, order)
        print(f"Wrote {args.submission}: {len(scores):,} images, in the order of their names")


def _test_of(args: argparse.Namespace, members: list["ClassScores"]) -> dict[str, Any]:
    """Return what identifies the average: the tests of its members, and their weights."""
    tests = [dict(one.test) for one in members]
    return {"ensemble": tests, **({"weights": args.weights} if args.weights else {})}


def _evaluate(
    members: list["ClassScores"], subsets: list[tuple[int, ...]], weights: list[float] | None
) -> dict[tuple[int, ...], "Errors"]:
    from mmresnet.evaluation import ensembles

    with _progress(f"{len(subsets):,} ensembles", len(members[0].images)) as advance:
        found = ensembles.errors(members, subsets, weights, advance)
    return {one.members: one for one in found}


@contextlib.contextmanager
def _progress(name: str, images: int) -> Iterator[Callable[[int], None]]:
    """Show a bar if stdout is a terminal, and yield the function that advances it."""
    if not sys.stdout.isatty():
        yield lambda count: None
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(name, total=images)
        yield lambda count: bar.advance(task, count)


def _print(
    args: argparse.Namespace,
    members: list["ClassScores"],
    found: dict[tuple[int, ...], "Errors"],
) -> None:
    whole = tuple(range(len(members)))
    top5 = len(members[0].classes) > 5
    rows = []
    for index, (path, one) in enumerate(zip(args.files, members, strict=True)):
        how = " ".join([one.test.get("protocol", ""), *map(str, one.test.get("scales", []))])
        rows.append((f"{index + 1}  {path}" + f" ({how})" * bool(how), found[index,]))
    weighted = " with weights " + " ".join(f"{w:g}" for w in args.weights) if args.weights else ""
    rows.append((f"average of {len(members)}{weighted}", found[whole]))
    print(f"{len(members[0].images):,} images of {len(members[0].classes):,} classes")
    _table("member", rows, top5)
    if args.subsets:
        best = sorted(found.values(), key=lambda one: (one.top1, one.top5, one.members))
        print(f"\n{len(best):,} subsets, the lowest top-1 error first")
        names = [("+".join(str(index + 1) for index in one.members), one) for one in best]
        _table("members", names, top5)


def _table(heading: str, rows: list[tuple[str, "Errors"]], top5: bool) -> None:
    columns = ("top-1 error", "top-1 accuracy", *(("top-5 error", "top-5 accuracy") * top5))
    width = max(len(heading), *(len(name) for name, _ in rows))
    print("  ".join([f"{heading:{width}}", *columns]))
    for name, one in rows:
        values = (one.top1, 1 - one.top1, *((one.top5, 1 - one.top5) if top5 else ()))
        cells = [f"{value:{len(c)}.2%}" for value, c in zip(values, columns, strict=True)]
        print("  ".join([f"{name:{width}}", *cells]))
