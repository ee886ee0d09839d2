"""Reads what W&B wrote offline: its files are LevelDB's logs of protocol buffers."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

BLOCK, HEADER = 32768, 7


def records(path: Path) -> Iterator[bytes]:
    """Yield the records of a ``.wandb`` file; a record may be in several pieces."""
    content, at, pieces = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(content):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        pieces += content[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):  # a whole record, or the last piece of one
            yield pieces
            pieces = b""


def history(path: Path) -> list[dict]:
    """Return what was logged, line by line, without W&B's own values.

    Another process writes the file, and may still be at it when the run has ended.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    deadline = time.monotonic() + 60
    while True:
        found = [Record.FromString(content) for content in records(path)]
        kinds = [one.WhichOneof("record_type") for one in found]
        if "exit" in kinds:
            break
        assert time.monotonic() < deadline, f"{path} has no end, but {kinds}"
        time.sleep(0.1)
    lines = []
    for record, kind in zip(found, kinds, strict=True):
        if kind == "history":
            items = {
                ".".join(one.nested_key) or one.key: json.loads(one.value_json)
                for one in record.history.item
            }
            lines.append({key: one for key, one in items.items() if not key.startswith("_")})
    return lines
