"""Kill a training at random moments, resume it, and compare the result with an unbroken one.

The config is trained twice, with deterministic algorithms: once to the end, and once so that all
of its processes are killed by SIGKILL at random moments of the training, its saves and validations
included, and are resumed each time, in as many processes or in another number. The exit code is 0
if both have the same weights, optimizer state, averaged weights, random states and curves, bit for
bit, and 1 otherwise.
"""

import argparse
import itertools
import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mmresnet.cli import command, rendezvous
from mmresnet.errors import UserError

if TYPE_CHECKING:
    from mmresnet.engine.resume.trial import Training

EXAMPLE = """\
  %(prog)s digits_resnet20 --kills 20 --cfg-options train_cfg.max_epochs=2
  %(prog)s digits_resnet20 --kills 5 --nproc 2 --work-dir trial
  %(prog)s digits_resnet20 --kills 6 --nproc 4 1 2 --cfg-options logical_shards=4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of kills, and what a training takes."""
    command.add_config_argument(parser)
    parser.add_argument("--kills", type=int, default=20, help="how many (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the training and the moments (0)")
    parser.add_argument(
        "--save-every", type=int, default=10, metavar="N", help="iterations between saves (10)"
    )
    parser.add_argument(
        "--nproc",
        type=int,
        nargs="+",
        default=[1],
        metavar="N",
        help="train in N processes; of several numbers, in the next one after each kill, which is "
        "exact with logical_shards",
    )
    parser.add_argument(
        "--work-dir",
        help="where both trainings go, in place of earlier ones (./work_dirs/<config name>_crash)",
    )
    command.add_amp(parser)
    command.add_device(parser)
    command.add_cfg_options(parser)


def run(args: argparse.Namespace) -> None:
    """Train twice, print a table, and exit with 1 if the results differ."""
    from mmresnet.engine.resume.compare import compare_runs

    for name in ("kills", "save_every", "nproc"):
        value = getattr(args, name)
        if min(value if isinstance(value, list) else [value]) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1.")
    folder = Path(args.work_dir or f"work_dirs/{Path(args.config).stem}_crash")
    whole, broken = folder / "unbroken", folder / "killed"
    for old in (whole, broken):
        shutil.rmtree(old, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)

    training = _start(args, whole, args.nproc[0])
    try:
        timeline = training.finish()
        print(f"Unbroken training: {len(timeline.steps)} iterations, {timeline.end:.0f} s")
        killed, generator = 0, random.Random(args.seed)
        numbers = itertools.cycle(args.nproc)
        moments = timeline.draw(args.kills, generator)
        while moments:
            moment = moments.pop(0)
            number = next(numbers)
            training = _start(args, broken, number)
            if training.kill_at(moment):
                killed += 1
                several = f" in {number} processes" if number > 1 else ""
                print(f"Killed {moment.delay:.2f} s after iteration {moment.step}{several}")
            else:  # it ended sooner than the first one did: there is nothing left to kill
                print("Ended before it was killed; beginning again")
                shutil.rmtree(broken)
                moments = timeline.draw(args.kills - killed, generator)
        training = _start(args, broken, next(numbers))
        training.finish()
    finally:
        training.kill()

    report = compare_runs(whole, broken)
    for part, result in report.items():
        print(f"  {part:<14} {result}")
    equal = set(report.values()) == {"equal"}
    print(f"{'PASS' if equal else 'FAIL'}: killed and resumed {killed} times")
    if not equal:
        raise SystemExit(1)


def _start(args: argparse.Namespace, work_dir: Path, processes: int) -> "Training":
    from mmresnet.engine.resume.trial import Training

    arguments = [args.config, "--resume", "--device", args.device]
    if args.amp:
        arguments.append("--amp")
    arguments += [
        "--cfg-options",
        *(args.cfg_options or []),
        f"randomness.seed={args.seed}",
        "randomness.deterministic=True",
        "default_hooks.logger.interval=1",
        "default_hooks.checkpoint.by_epoch=False",
        f"default_hooks.checkpoint.interval={args.save_every}",
    ]
    return Training(arguments, work_dir, processes, rendezvous.free_port())
