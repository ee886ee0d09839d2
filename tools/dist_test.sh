#!/usr/bin/env bash
# Start tools/test.py in several processes with torchrun.
# Several nodes: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment of each.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT PROCESSES [options of tools/test.py]" >&2
    exit 2
fi
targets=("${@:1:2}")
processes=$3
shift 3

tools="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python=${PYTHON:-python}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

if [ "${NNODES:-1}" -gt 1 ]; then
    : "${PORT:?several nodes need PORT, the same on each}"
    meeting=(--nnodes="$NNODES" --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:?several nodes need MASTER_ADDR}" --master_port="$PORT")
else
    port=${PORT:-$("$python" -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
    meeting=(--nnodes=1 --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="$port")
fi

exec "$python" -m torch.distributed.run "${meeting[@]}" --nproc_per_node="$processes" \
    "$tools/test.py" "${targets[@]}" "$@" --launcher pytorch
