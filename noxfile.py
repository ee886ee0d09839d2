"""The fast tests on the versions of Python and torch that pyproject.toml promises.

The newest torch is the one in constraints.txt, the oldest the lower bound in pyproject.toml. The
first and the last Python run the newest, as does 3.11, on which the package is developed. The
oldest runs twice: on Python 3.10 with the last NumPy, SciPy and Pillow made for it, and on 3.12
with today's. Each environment takes 6 GB.
"""

from pathlib import Path

import nox

nox.options.error_on_missing_interpreters = True  # by default, nox would skip what was not tried

MATRIX = [
    ("3.10", "oldest"),
    ("3.12", "oldest"),
    ("3.10", "newest"),
    ("3.11", "newest"),
    ("3.13", "newest"),
]


@nox.session
@nox.parametrize("python, torch", MATRIX, ids=map("-".join, MATRIX))
def tests(session: nox.Session, torch: str) -> None:
    """Install the package and its test dependencies, and run pytest; or what follows ``--``."""
    constraints = oldest_torch(session) if torch == "oldest" else "constraints.txt"
    session.install("-c", str(constraints), "-e", ".[openmmlab,mmseg,demo,test,docs]")
    arguments = ["-n", "auto", "--maxprocesses", "4", "--dist", "worksteal", "-m", "not full"]
    session.env["OMP_NUM_THREADS"] = "1"
    session.run("python", "-m", "pytest", *(session.posargs or arguments))


def oldest_torch(session: nox.Session) -> Path:
    """Write constraints.txt with torch and torchvision at their lower bounds."""
    dependencies = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
    bounds = [d.replace(">=", "==") for d in dependencies if d.startswith("torch")]
    others = [
        line
        for line in Path("constraints.txt").read_text().splitlines()
        if not line.startswith(("torch==", "torchvision=="))
    ]
    derived = Path(session.virtualenv.location) / "constraints-oldest.txt"
    derived.write_text("\n".join([*bounds, *others]) + "\n")
    return derived
