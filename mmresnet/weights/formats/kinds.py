"""What a file is, told by its first bytes: weights of a kind that can be read, or something else.

What people give in the place of weights is known by name: a download that turned into a web page,
a pointer of Git LFS, an archive still packed. The name's suffix is not asked.
"""

from __future__ import annotations

import html
import re
from typing import Literal

HEAD = 4096  # bytes that tell a kind
Kind = Literal["archive", "legacy", "pickle", "safetensors"]

_MAGIC_OF_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save's, before 1.6: a pickled number
# Protocols 0 and 1 have no mark at the start: a dict, a list, a call or its text, or a name
_OLD_PICKLE = re.compile(rb"\([dlci]|\([SV]'|[}\]]q|[ci][\w.]+\r?\n\w+\r?\n")

_FETCH = "fetch it again"
_UNPACK = "unpack it and give the file inside"
_GIVE = "give a .pth, .safetensors or .pkl file of weights"
_STRANGERS = (
    # first bytes, what it is, the way out
    (rb"PK\x05\x06", "an empty zip archive", _FETCH),
    (rb"\x1f\x8b", "a gzip archive", _UNPACK),
    (rb"BZh[1-9]", "a bzip2 archive", _UNPACK),
    (rb"\xfd7zXZ\0", "an xz archive", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a", "a RAR archive", _UNPACK),
    (rb"(?s).{257}ustar", "a tar archive", _UNPACK),
    (rb"\xff\xd8\xff", "a JPEG image", _GIVE),
    (rb"\x89PNG\r\n", "a PNG image", _GIVE),
    (rb"GIF8[79]a", "a GIF image", _GIVE),
    (rb"(?s)RIFF.{4}WEBP", "a WebP image", _GIVE),
    (rb"%PDF-", "a PDF document", _GIVE),
    (rb"\x89HDF\r\n", "an HDF5 file (Keras, Caffe)", "convert it to one of PyTorch's first"),
    (
        rb"\x93NUMPY",
        "a single NumPy array",
        "pickle a dict of arrays by name, or save it as .safetensors",
    ),
    (
        rb"\x08[\x01-\x20][\x12\x1a\x3a\x42]",
        "an ONNX model, which is a graph",
        "give the state dict of the model that it was exported from, as written by "
        "torch.save(model.state_dict(), 'weights.pth')",
    ),
    (
        rb"\n[\x01-\x7f][ -~]{1,127}(?:[\x12\x1a]|[\x82\xa2]\x06)",
        "a Caffe model",
        "turn its blobs into a pickled dict of NumPy arrays by name, as Detectron's .pkl files are",
    ),
)


class UnfitError(Exception):
    """Why a file cannot be read, as a clause that goes on after ``The file '…'``."""


def recognise(head: bytes, size: int) -> Kind:
    """Return what kind of weights a file holds.

    Args:
        head: Its first :data:`HEAD` bytes, or all if there are fewer.
        size: All its bytes, counted.

    Raises:
        UnfitError: It holds none; what it is instead, and the way out.
    """
    if not size:
        raise UnfitError(f"is empty: {_FETCH}.")
    if head.startswith(b"PK\x03\x04"):
        return "archive"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "legacy" if _MAGIC_OF_LEGACY in head[:32] else "pickle"
    if head[8:9] == b"{" and not _is_text(head[:8]):
        return "safetensors"
    if not head.strip(b"\0"):
        raise UnfitError(
            f"begins with {len(head):,} zeros, like a download that never finished: {_FETCH}."
        )
    for start, what, way_out in _STRANGERS:
        if re.match(start, head):
            raise UnfitError(f"is {what}, and no weights: {way_out}.")
    if _OLD_PICKLE.match(head):
        return "pickle"
    if _is_text(head):
        raise UnfitError(_told_text(head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")))
    raise UnfitError(
        f"is of no kind that can be read (it begins with the bytes {head[:8].hex(' ')}): {_GIVE}."
    )


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else the head ends within a letter
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text)


def _told_text(text: str) -> str:
    if text.startswith("version https://git-lfs"):
        size = re.search(r"^size (\d+)$", text, re.MULTILINE)
        stands_for = f"a file of {int(size[1]):,} bytes" if size else "another file"
        return (
            f"is a pointer of Git LFS, which stands for {stands_for}, and no weights: run "
            "'git lfs pull' where it came from, or download the file itself."
        )
    if re.match(r"<!doctype html|<html|<head|<(?:!--|\?xml)[^>]*>\s*<(?:!doctype h|h)", text, re.I):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        called = f" titled '{in_short(html.unescape(title[1]))}'" if title else ""
        return (
            f"is a web page{called}, and no weights: a download that went wrong; {_FETCH} from an "
            "address that gives the file itself."
        )
    if re.match(r"<\?xml|<Error>", text):
        code = re.search(r"<Code>(.*?)</Code>", text)
        called = f" from a file server ('{in_short(code[1])}')" if code else ""
        return f"is an XML message{called}, and no weights: {_FETCH} from an address that is open."
    part = re.search(r'"weight_map".*?"([^"]+\.(?:safetensors|bin))"', text, re.DOTALL)
    if part:
        return (
            "is the index of weights that lie in other files beside it, and no weights: give such "
            f"a file ('{in_short(part[1])}'), or all of them merged into one."
        )
    kind = "a JSON file" if re.match(r'[{\[]\s*["{\[\]}\d]', text) else "a text file"
    return f"is {kind}, and no weights (it begins with '{in_short(text)}'): {_GIVE}."


def in_short(text: str) -> str:
    """Return a line of at most 60 letters that a terminal can show."""
    line = " ".join("".join(filter(str.isprintable, text.replace("\n", " "))).split())
    return line if len(line) <= 60 else f"{line[:59]}…"
