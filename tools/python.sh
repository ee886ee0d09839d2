# Sourced by the scripts here: sets PYTHON, unless it is set, to that of the active environment, else
# of .venv in this checkout, else the system's.
if [ -z "${PYTHON:-}" ]; then
    checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] || [ ! -x "$checkout/.venv/bin/python" ]; then
        PYTHON=python
    else
        PYTHON=$checkout/.venv/bin/python
    fi
fi
