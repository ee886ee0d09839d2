#!/usr/bin/env bash
# Start tools/train.py in several processes with torchrun.
# Several nodes: NNODES, NODE_RANK, MASTER_ADDR and PORT in the environment of each.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG PROCESSES [options of tools/train.py]" >&2
    exit 2
fi
targets=("${@:1:1}")
processes=$2
shift 2

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
    "$tools/train.py" "${targets[@]}" "$@" --launcher pytorch
