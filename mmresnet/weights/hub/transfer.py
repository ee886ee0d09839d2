"""One file over HTTP, across cut connections, without a byte lost or mixed up.

With urllib, since nothing that is installed anyhow does it: torch.hub starts over at every cut, and
requests and huggingface_hub are no dependencies of torch. It reads proxies from the environment.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from mmresnet.weights.hub.progress import Progress, amount
from mmresnet.weights.hub.remote import Redirects, Remote, TransferError

_BLOCK = 1 << 16
_ENOUGH = 1 << 20  # bytes after which a connection counts as one that worked
_LATER = {408, 425, 429, 500, 502, 503, 504}
_NAMES = {
    401: "permission is needed, or nothing of that name is there",
    403: "permission is needed",
    404: "there is no such file",
}


class _CutError(Exception):
    """What may go better the next time."""

    def __init__(self, clause: str, wait: float | None = None) -> None:
        super().__init__(clause)
        self.wait = wait


class Transfer:
    """Brings the file at ``url`` to ``part``, which a later one can complete.

    Args:
        timeout: Seconds without a byte after which a connection is given up.
        retries: Connections in a row that may fail before giving up.
        pause: Seconds before the second connection; doubled for each one after.
    """

    def __init__(
        self, url: str, part: Path, timeout: float = 30.0, retries: int = 5, pause: float = 1.0
    ) -> None:
        self.url, self.part, self.timeout = url, part, timeout
        self.retries, self.pause = retries, pause
        self.resumed = False  # some bytes are older than the last connection
        self._received = 0
        self._notes = part.with_name(f"{part.name}.json")

    def run(self, progress: Progress) -> Remote:
        """Bring all of it.

        Raises:
            TransferError: It cannot be had; what came is kept in ``part`` if it can be completed.
        """
        failed = 0
        while True:
            before = self._received
            try:
                return self._connect(progress)
            except _CutError as cut:
                failed = 1 if self._received - before >= _ENOUGH else failed + 1
                if failed > self.retries:
                    times = f", {failed} times in a row" if failed > 1 else ""
                    raise TransferError(f"{cut}{times}") from cut
                wait = self.pause * 2 ** (failed - 1) if cut.wait is None else cut.wait
                progress.say(f"{cut}; trying again in {wait:g} s ({failed} of {self.retries})")
                time.sleep(wait)

    def discard(self) -> None:
        """Forget what has come."""
        self.part.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def publish(self, path: Path) -> None:
        """Let what has come appear as ``path``, at once and whole."""
        with self.part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self.part, path)
        self._notes.unlink(missing_ok=True)

    def _connect(self, progress: Progress) -> Remote:
        known = self._known()
        have = self.part.stat().st_size if known.validator and self.part.exists() else 0
        if have and have == known.size:
            return known  # an earlier process ended between the last byte and its check
        headers = {"User-Agent": "mmresnet", "Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": known.validator}
        redirects = Redirects()
        opener = urllib.request.build_opener(redirects)
        try:
            request = urllib.request.Request(self.url, headers=headers)
            response = opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (ValueError, http.client.InvalidURL) as error:
            raise TransferError(f"it is no address ({error})") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error
        with response:
            remote = redirects.told(self.url, response)
            if response.status == 206:
                self._check_continued(response, remote, have, known)
                remote = known
            else:
                have = 0
            self.resumed = have > 0
            self._check_space(remote.size, have)
            self._receive(response, remote, have, progress)
        return remote

    def _known(self) -> Remote:
        """Return what was told of the file that ``part`` is the start of."""
        try:
            known = Remote(**json.loads(self._notes.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return Remote(self.url)
        return known if known.url == self.url else Remote(self.url)

    def _check_continued(self, response: Any, remote: Remote, have: int, known: Remote) -> None:
        """Check that a partial answer goes on where ``part`` ends, in the same file."""
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        same_size = told is not None and told[2] in (str(known.size), "*")
        if not same_size or int(told[1]) != have or remote.validator != known.validator:
            self.discard()
            raise _CutError("the server went on in another file than it began with", wait=0)

    def _receive(self, response: Any, remote: Remote, have: int, progress: Progress) -> None:
        try:
            with self.part.open("ab" if have else "wb") as file:
                if not have:  # after the old bytes are gone, never before
                    self._notes.write_text(json.dumps(asdict(remote)), "utf-8")
                while block := self._read(response):
                    file.write(block)
                    self._received += len(block)
                    have += len(block)
                    progress.show(have, remote.size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise TransferError(self._full(f"no room for more than {amount(have)}")) from error
            raise
        if remote.size is not None and have < remote.size:
            came = f"{amount(have)} of {amount(remote.size)}"
            raise _CutError(f"the connection was cut after {came}")

    def _read(self, response: IO[bytes]) -> bytes:
        """Return what has arrived, at least one byte, or nothing at the end."""
        try:
            return response.read1(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error) from error

    def _check_space(self, size: int | None, have: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if size is not None and size - have > free:
            raise TransferError(
                self._full(f"it needs {amount(size - have)} and finds {amount(free)}")
            )

    def _full(self, clause: str) -> str:
        return f"the disk of {self.part.parent} is full ({clause}); MMRESNET_CACHE names another"

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        clause = f"{_NAMES.get(error.code, 'the server answers')} ({error.code} {error.reason})"
        error.close()
        if error.code == 416:  # it has fewer bytes than we: another file
            self.discard()
            return _CutError("the file has changed on the server", wait=0)
        if error.code not in _LATER:
            return TransferError(clause, error.code)
        after = error.headers.get("Retry-After", "")
        return _CutError(clause, min(float(after), 60.0) if after.isdecimal() else None)

    def _failure(self, error: Exception) -> Exception:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return TransferError(f"the server's certificate is not valid ({reason.verify_message})")
        if isinstance(reason, TimeoutError):
            return _CutError(f"no answer within {self.timeout:g} s")
        host = urlsplit(self.url).netloc
        if isinstance(reason, socket.gaierror):
            clause = f"no address is known for the host {host} (no connection, or a wrong name)"
        elif isinstance(reason, ConnectionRefusedError) or getattr(reason, "errno", None) in (
            errno.ENETUNREACH,
            errno.EHOSTUNREACH,
        ):
            clause = f"the host {host} cannot be reached ({reason.strerror})"
        else:
            return _CutError(f"the connection broke ({reason or type(reason).__name__})")
        # a connection that worked may come back; one that never did will not in some seconds
        return _CutError(clause) if self._received else TransferError(clause)
