# Sourced by the scripts here: sets PYTHON, unless it is set, to the first of these that mmresnet is
# installed for: the Python of the active environment, of .venv in this checkout, the system's.
has_mmresnet() {
    "$1" - 2> /dev/null <<'END'
import sys
from importlib.util import find_spec

sys.path[:] = filter(None, sys.path)  # not from the current folder
sys.exit(not (find_spec("torch") and find_spec("mmresnet")))
END
}

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ -z "${PYTHON:-}" ]; then
    candidates=("$checkout/.venv/bin/python" python python3)
    if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ]; then candidates=(python "${candidates[@]}"); fi
    for PYTHON in "${candidates[@]}"; do
        if has_mmresnet "$PYTHON"; then break; fi
    done
fi
if ! has_mmresnet "$PYTHON"; then
    echo "mmresnet and PyTorch are not installed for '$PYTHON': activate their environment, set PYTHON" \
        "to its Python, or create $checkout/.venv with 'make demo' or 'make test'." >&2
    exit 2
fi
