"""The format of a file of weights, detected from its first bytes whatever its suffix.

What people often pass instead of weights gets an error message of its own: a web page saved by a
failed download, a Git LFS pointer, an archive still packed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from mmresnet.errors import UserError

HEAD_SIZE = 4096  # bytes that detect_format needs
Format = Literal["archive", "legacy", "pickle", "safetensors"]

_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save's before 1.6: a pickled number
# Protocols 0 and 1 have no mark at the start: a dict, a list, a call or its text, or a name
_OLD_PICKLE = re.compile(rb"\([dlci]|\([SV]'|[}\]]q|[ci][\w.]+\r?\n\w+\r?\n")

AGAIN = "download or save it again"
RESAVE = "save it again as a state dict of tensors alone, by torch.save"
UNNEEDED = f"which weights do not need; nothing in it was run. If you trust its author, {RESAVE}"
_DOWNLOAD = "download it again"
_UNPACK = "unpack it and give the file inside"
_GIVE = "give a .pth, .safetensors or .pkl file of weights"
_EXPORT = "give torch.save(model.state_dict(), 'weights.pth') of the model it was exported from"
_CONVERT = "convert its blobs to a pickled dict of NumPy arrays by name, as Detectron's .pkl are"
_UNSUPPORTED = (
    # first bytes, what it is, what to do
    (rb"PK\x05\x06", "an empty zip archive", _DOWNLOAD),
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
    (rb"\x89HDF\r\n", "an HDF5 file (Keras, Caffe)", "convert it to a PyTorch file first"),
    (rb"\x93NUMPY", "a single NumPy array", "save a dict of arrays by name as .safetensors"),
    (rb"\x08[\x01-\x20][\x12\x1a\x3a\x42]", "an ONNX model", _EXPORT),
    (rb"\n[\x01-\x7f][ -~]{1,127}(?:[\x12\x1a]|[\x82\xa2]\x06)", "a Caffe model", _CONVERT),
)


class FormatError(Exception):
    """Why a file cannot be read, as a clause that continues ``The file '…'``."""


@contextmanager
def reported_for(subject: str) -> Iterator[None]:
    """Raise a :class:`FormatError` as a :class:`UserError` about ``subject``."""
    try:
        yield
    except FormatError as error:
        raise UserError(f"{subject} {error}") from error


def detect_format(head: bytes) -> Format:
    """Return the format of a file of weights with these first :data:`HEAD_SIZE` bytes.

    Raises:
        FormatError: It is not a file of weights; what it is instead, and what to do.
    """
    if not head:
        raise FormatError(f"is empty: {_DOWNLOAD}.")
    if head.startswith(b"PK\x03\x04"):
        return "archive"
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "legacy" if _LEGACY_MAGIC in head[:32] else "pickle"
    if head[8:9] == b"{" and not _is_text(head[:8]):
        return "safetensors"
    if not head.strip(b"\0"):
        raise FormatError(
            f"begins with {len(head):,} zeros, like an unfinished download: {_DOWNLOAD}."
        )
    for start, what, remedy in _UNSUPPORTED:
        if re.match(start, head):
            raise FormatError(f"is {what}, not weights: {remedy}.")
    if _OLD_PICKLE.match(head):
        return "pickle"
    if _is_text(head):
        raise FormatError(_describe_text(head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")))
    raise FormatError(
        f"has an unknown format (it begins with the bytes {head[:8].hex(' ')}): {_GIVE}."
    )


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # else the head ends within a character
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n\f\ufeff" for letter in text)


def _describe_text(text: str) -> str:
    if text.startswith("version https://git-lfs"):
        size = re.search(r"^size (\d+)$", text, re.MULTILINE)
        target = f"a file of {int(size[1]):,} bytes" if size else "another file"
        return (
            f"is a Git LFS pointer to {target}, not weights: run 'git lfs pull' in the repository "
            "that it is from, or download the file itself."
        )
    if re.match(r"<!doctype html|<html|<head|<(?:!--|\?xml)[^>]*>\s*<(?:!doctype h|h)", text, re.I):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        titled = f" titled '{shorten(html.unescape(title[1]))}'" if title else ""
        return (
            f"is a web page{titled}, not weights, as from a failed download: {_DOWNLOAD} from an "
            "address that gives the file itself."
        )
    if re.match(r"<\?xml|<Error>", text):
        code = re.search(r"<Code>(.*?)</Code>", text)
        sent = f" from a file server ('{shorten(code[1])}')" if code else ""
        return f"is an XML message{sent}, not weights: {_DOWNLOAD} from a public address."
    part = re.search(r'"weight_map".*?"([^"]+\.(?:safetensors|bin))"', text, re.DOTALL)
    if part:
        return (
            "is the index of weights that are split into several files: give one of these "
            f"('{shorten(part[1])}'), or all of them merged into one."
        )
    kind = "a JSON file" if re.match(r'[{\[]\s*["{\[\]}\d]', text) else "a text file"
    return f"is {kind}, not weights (it begins with '{shorten(text)}'): {_GIVE}."


def shorten(text: str, limit: int = 60) -> str:
    """Return ``text`` as one printable line of at most ``limit`` characters."""
    line = " ".join("".join(filter(str.isprintable, text.replace("\n", " "))).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
