"""What servers tell of a file, on the way to it."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass
from typing import Any


class TransferError(Exception):
    """Why a file did not come, as a clause; ``status`` is the server's answer, if it gave one."""

    def __init__(self, clause: str, status: int | None = None) -> None:
        super().__init__(clause)
        self.status = status


@dataclass
class Remote:
    """What a server tells of a file.

    Attributes:
        url: The address.
        validator: What changes with its content: a strong ETag, or a date.
        size: Bytes, if told.
        sha256: Its hash, if told (Hugging Face tells it of large files).
    """

    url: str
    validator: str = ""
    size: int | None = None
    sha256: str = ""


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections, and keeps what Hugging Face tells of the file in the first of them."""

    def __init__(self) -> None:
        self._linked: dict[str, str] = {}

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str):
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise TransferError(f"it is redirected from https to {newurl}, which is not safe")
        for name in ("X-Linked-Etag", "X-Linked-Size"):
            if name in headers:
                self._linked.setdefault(name, headers[name].strip('"'))
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def told(self, url: str, response: Any) -> Remote:
        """Return what was told of the file at ``url`` on the way, and at last by ``response``."""
        headers = response.headers
        etag = headers.get("ETag", "")
        validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
        size = headers.get("Content-Length") or self._linked.get("X-Linked-Size", "")
        sha256 = self._linked.get("X-Linked-Etag", headers.get("X-Linked-Etag", "").strip('"'))
        return Remote(
            url,
            validator,
            int(size) if size.isdecimal() else None,
            sha256 if re.fullmatch(r"[0-9a-f]{64}", sha256) else "",
        )
