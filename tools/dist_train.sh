#!/usr/bin/env bash
# Train in several processes, each on its own GPU, or on the CPU if there is none:
#
#   tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py, as --max-restarts N]
#
# On several machines, set NNODES, NODE_RANK, MASTER_ADDR and PORT on each.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES [options of tools/train.py]" >&2
    exit 2
fi
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$tools/python.sh"
exec "$PYTHON" "$tools/launch.py" train.py "$2" "$1" "${@:3}"
