"""One file over HTTP, by huggingface_hub: resumed after a cut, with a progress bar.

``docs/downloads.md`` compares libraries. ``http_get`` is not documented: test_transfer.py tests it.
"""

from __future__ import annotations

import http.client
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urljoin

_RETRIES = 5  # in a row without progress
_TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
_CUT = (http.client.HTTPException, ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


class TransferError(Exception):
    """Why a request failed, as a clause; with the server's ``status``, if it answered."""

    def __init__(self, error: BaseException) -> None:
        chain = [error]  # of requests, httpx or httpx2, down to the operating system's
        while cause := chain[-1].__cause__ or chain[-1].__context__:
            chain.append(cause)
        error = chain[-1]
        responses = (getattr(link, "response", None) for link in chain)
        answer = next((response for response in responses if response is not None), None)
        self.status: int | None = None if answer is None else answer.status_code
        self.headers: Mapping[str, str] = {} if answer is None else answer.headers
        cut = isinstance(error, _CUT) or type(error).__name__ == "RemoteProtocolError"  # httpx's
        self.temporary = self.status in _TEMPORARY or cut
        if self.status is None:
            super().__init__(f"the request failed ({str(error) or type(error).__name__})")
        else:
            phrase = http.client.responses.get(self.status, "error")
            super().__init__(f"the server answers {self.status} {phrase}")


def read_headers(url: str) -> tuple[str, str]:
    """Return the ETag and the SHA-256 of a file, empty if the server does not state them.

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
        return "", ""  # some servers refuse HEAD; the answer to GET counts
    if url.startswith("https:") and not urljoin(url, found.location).startswith("https:"):
        raise TransferError(OSError(f"the redirect from https to {found.location} is not safe"))
    etag = found.etag or ""
    is_sha256 = found.commit_hash and re.fullmatch(r"[0-9a-f]{64}", etag)  # a large file of the Hub
    return etag, etag if is_sha256 else ""


def receive(url: str, part: Path, headers: dict[str, str]) -> None:
    """Download ``url`` to ``part``, continuing after the bytes that it holds.

    Raises:
        TransferError: It failed; what was received is left in ``part``.
        OSError: ``part`` cannot be written, such as to a full disk.
    """
    from huggingface_hub.file_download import http_get

    failures = 0
    while True:
        part.touch()
        have = part.stat().st_size
        try:
            with part.open("ab") as file:
                http_get(url, file, resume_size=have, headers=headers)
            return
        except Exception as error:
            if getattr(error, "errno", None) is not None:
                raise  # of the file: those of connections are wrapped
            failure = TransferError(error)
            progress = part.stat().st_size > have
            failures = 1 if progress else failures + 1
            if failure.status == 416 and have:  # the file on the server is shorter
                part.unlink()
            elif failures > _RETRIES or not (progress or failure.temporary):
                if not part.stat().st_size:
                    part.unlink()
                raise failure from error
            after = failure.headers.get("Retry-After", "")
            pause = min(float(after), 60.0) if after.isdecimal() else 2.0**failures
            print(
                f"{failure}; trying again in {pause:g} s ({failures} of {_RETRIES})",
                file=sys.stderr,
            )
            time.sleep(pause)
