#!/usr/bin/env bash
# Test a checkpoint in several processes, each with its own GPU, or on the CPU where there is none:
#
#   tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [options of tools/test.py]
#
# Several machines: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment of each.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT PROCESSES [options of tools/test.py]" >&2
    exit 2
fi
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$tools/python.sh"
exec "$PYTHON" "$tools/launch.py" test.py "$3" "$1" "$2" "${@:4}"
