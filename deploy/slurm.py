"""Train with Slurm, by submitit: requeued when it is preempted or out of time, one job per seed.

    python deploy/slurm.py resnet50_8xb32_in1k --nodes 2 --gpus 8 --hours 24 --partition gpu
    python deploy/slurm.py resnet20_1xb128_cifar10 --seeds 0 1 2 --cfg-options batch_size=256
    python deploy/slurm.py digits_resnet20 --gpus 0 --cluster local    # a trial on this machine

What is not listed by --help goes to mmresnet train. On each node a task starts the training's
processes. Two minutes before the end of its time, and at a preemption, Slurm sends SIGUSR2: the
training finishes its iteration, saves, and ends; the job is queued again and resumes. The work
directory must be in a file system that all nodes share. Needs submitit (pip install submitit).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

try:
    import submitit
    from submitit.core.utils import DelayedSubmission
except ImportError:
    sys.exit("deploy/slurm.py needs submitit, which is not installed: pip install submitit")

WARNING_S = 120  # before the end of the time


class Training:
    """What a task of the job runs; submitit stores it, and calls it again after a requeue.

    Args:
        arguments: Of ``mmresnet train``, the config first.
        processes: On each node.
        nodes: How many there are.
    """

    def __init__(self, arguments: list[str], processes: int, nodes: int) -> None:
        self.arguments, self.processes, self.nodes = arguments, processes, nodes
        self.pid = 0  # of the training, while it runs

    def __call__(self) -> int:
        """Train; return 0, or 143 if the training was told to save and end.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        environment = submitit.JobEnvironment()
        command = [sys.executable, "-m", "mmresnet", "train", *self.arguments, "--resume"]
        if self.nodes > 1:
            number = int(environment.job_id.split("_")[0])
            place = f"{environment.hostnames[0]}:{20_000 + number % 20_000}"
            command += ["--nnodes", str(self.nodes), "--rdzv", place]
        if self.processes > 1 or self.nodes > 1:
            command += ["--nproc", str(self.processes)]
        # in a session of its own, so that a signal to the task's group reaches it through us alone
        process = subprocess.Popen(command, start_new_session=True)
        self.pid = process.pid
        code = process.wait()
        if code not in (0, 128 + signal.SIGTERM):
            raise subprocess.CalledProcessError(code, command)
        return code

    def checkpoint(self) -> DelayedSubmission:
        """Let the training save and end, which submitit asks for; return what is to be requeued."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)  # __call__ waits as well
        return DelayedSubmission(Training(self.arguments, self.processes, self.nodes))


def main(argv: list[str] | None = None) -> list[submitit.Job[int]]:
    """Submit the jobs, print where they write, and return them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="a config file, or a shipped recipe's name")
    parser.add_argument("--work-dir", default="work_dirs", help="has a folder for each job")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="a job for each (0)")
    parser.add_argument("--nodes", type=int, default=1, help="of a job (1)")
    parser.add_argument("--gpus", type=int, default=8, help="of a node (8); 0: one CPU process")
    parser.add_argument("--cpus", type=int, default=10, help="for each GPU (10)")
    parser.add_argument("--hours", type=float, default=24, help="until a job is queued again (24)")
    parser.add_argument("--requeues", type=int, default=20, help="at the end of the hours (20)")
    parser.add_argument("--partition")
    parser.add_argument("--at-once", type=int, default=256, help="jobs that run at once")
    parser.add_argument("--cluster", choices=["slurm", "local"], default="slurm")
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    args, others = parser.parse_known_args(argv)

    folder = Path(args.work_dir)
    logs = folder / "submitit"
    executor = submitit.AutoExecutor(
        logs, cluster=args.cluster, slurm_max_num_timeout=args.requeues
    )
    executor.update_parameters(
        name=f"mmresnet-{Path(args.config).stem}",
        nodes=args.nodes,
        tasks_per_node=1,
        gpus_per_node=args.gpus,
        cpus_per_task=max(1, args.gpus) * args.cpus,
        timeout_min=int(args.hours * 60),
        slurm_signal_delay_s=WARNING_S,
        slurm_array_parallelism=args.at_once,
        slurm_partition=args.partition,
    )
    with executor.batch():  # an array
        jobs = []
        for seed in args.seeds:
            arguments = [args.config, *others]
            arguments += ["--work-dir", str(folder / f"{Path(args.config).stem}_seed{seed}")]
            arguments += ["--cfg-options", *args.cfg_options, f"randomness.seed={seed}"]
            jobs.append(executor.submit(Training(arguments, max(1, args.gpus), args.nodes)))
    for seed, job in zip(args.seeds, jobs, strict=True):
        print(f"Seed {seed}: job {job.job_id}, log {job.paths.stdout}")
    return jobs


if __name__ == "__main__":
    main()
