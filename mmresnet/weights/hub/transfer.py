"""One file over HTTP, by huggingface_hub: resumed after a cut, with a progress bar.

``docs/downloads.md`` compares other libraries. ``http_get`` is not in huggingface_hub's
documentation: ``tests/weights/hub/test_transfer.py`` checks all that is used of it.
"""

from __future__ import annotations

import errno
import http.client
import re
import sys
import time
from pathlib import Path
from urllib.parse import urljoin

_RETRIES = 5  # failures in a row without progress
_LONGEST_PAUSE = 60.0  # seconds, whatever a server asks for
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
_CUT = (http.client.HTTPException, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TransferError(Exception):
    """Why a request failed, as a clause; made from the error of whatever HTTP client was used.

    Attributes:
        status: The server's answer, if there was one.
        pause: Seconds before another request, which may succeed; None if it cannot.
    """

    def __init__(self, error: BaseException, failures: int = 1) -> None:
        response = getattr(error, "response", None)
        self.status = getattr(response, "status_code", None)
        while cause := error.__cause__ or error.__context__:
            error = cause  # down to the operating system's
        self.full = getattr(error, "errno", None) in _DISK_FULL
        if response is not None:
            reason = f"the server answers {self.status} {http.client.responses.get(self.status)}"
        elif self.full:
            reason = f"the disk is full ({error}); MMRESNET_CACHE sets another folder"
        else:
            reason = f"the request failed ({error or type(error).__name__})"
        super().__init__(reason)


def read_headers(url: str) -> tuple[str, str, int | None]:
    """Return ETag, SHA-256 and size of a file; what the server does not state is empty or None.

    Raises:
        TransferError: The server cannot be reached, or redirects from https to http.
    """
    from huggingface_hub import get_hf_file_metadata

    try:
        found = get_hf_file_metadata(url, token=False)  # a user's token is not for every server
    except Exception as error:
        failure = TransferError(error)
        if failure.status is None:
            raise failure from error
        return "", "", None  # some servers refuse HEAD; the answer to GET counts
    location = urljoin(url, found.location)
    if url.startswith("https:") and not location.startswith("https:"):
        raise TransferError(OSError(f"the redirect from https to {location} is not safe"))
    etag = found.etag or ""
    if re.fullmatch(r"[0-9a-f]{64}", etag):  # Hugging Face's for large files
        return etag, etag, found.size
    return etag, "", found.size if location == url else None  # else of the redirect's own body
