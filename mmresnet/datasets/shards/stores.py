"""Where shards lie: a folder, or an S3-compatible object store, which boto3 speaks to."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from mmresnet.errors import MissingPackageError, ShardError, UserError

SCHEME = "s3://"
ATTEMPTS = 8  # with waits between them that add up to two minutes at most
_LONGEST_WAIT = 30.0  # seconds
_TIMEOUT = 30.0  # seconds without a byte
_FOR_GOOD = {  # answers that stay the same
    *("400", "401", "403", "404", "AccessDenied", "InvalidAccessKeyId", "InvalidBucketName"),
    *("NoSuchBucket", "NoSuchKey", "SignatureDoesNotMatch", "PermanentRedirect"),
}
_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_address(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is an address in an object store: ``s3://bucket/folder``."""
    return isinstance(path, str) and path.startswith(SCHEME)


class Store(ABC):
    """Files by their names.

    Attributes:
        root: The folder or address, without a slash at its end.
    """

    root: str

    @abstractmethod
    def fetch(self, name: str, file: IO[bytes]) -> None:
        """Write the content of a stored file to ``file``.

        Raises:
            ShardError: It is not there, or may not be read, or not after many attempts.
            OSError: The disk of ``file`` is full.
        """

    @abstractmethod
    def put(self, name: str, path: Path) -> None:
        """Store a file, which appears under its name complete; it may move the file away.

        Raises:
            ShardError: As :meth:`fetch`.
        """

    @abstractmethod
    def version(self, name: str) -> tuple[str, int] | None:
        """Return what changes with a stored file, and its size; None if there is none.

        Raises:
            ShardError: As :meth:`fetch`.
        """


class ObjectStore(Store):
    """What lies below an address, ``s3://bucket/folder``.

    Credentials, region and server are those that boto3 finds: ``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_ENDPOINT_URL`` and so on, ``~/.aws``, or a machine's role.
    """

    def __init__(self, address: str) -> None:
        below = address.removeprefix(SCHEME).strip("/")
        self.root = f"{SCHEME}{below}"
        self._bucket, _, folder = below.partition("/")
        if not self._bucket:
            raise UserError(f"'{address}' names no bucket: write s3://bucket/folder.")
        self._prefix = f"{folder}/" if folder else ""

    def fetch(self, name: str, file: IO[bytes]) -> None:
        """Write the content of an object to ``file``; its parts come in parallel."""

        def get() -> None:
            file.seek(0)
            self._client().download_fileobj(self._bucket, self._prefix + name, file)

        self._persist(get, "read", name)

    def put(self, name: str, path: Path) -> None:
        """Upload a file."""
        key = self._prefix + name
        self._persist(
            lambda: self._client().upload_file(str(path), self._bucket, key), "write", name
        )

    def version(self, name: str) -> tuple[str, int] | None:
        """Return the ETag and the size of an object."""

        def head() -> tuple[str, int] | None:
            from botocore.exceptions import ClientError

            try:
                found = self._client().head_object(Bucket=self._bucket, Key=self._prefix + name)
            except ClientError as error:
                if _code(error) in ("404", "NoSuchKey"):
                    return None
                raise
            return str(found["ETag"]), int(found["ContentLength"])

        return self._persist(head, "read", name)

    def _client(self) -> Any:
        environment = sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))
        try:
            return _client(os.getpid(), _TIMEOUT, *environment)
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                f"'{self.root}' is read by boto3, which is not installed: pip install boto3, or "
                'pip install "mmresnet[shards]".'
            ) from error

    def _persist(self, do: Callable[[], Any], verb: str, name: str) -> Any:
        """Call ``do`` until it succeeds, with growing waits.

        Raises:
            ShardError: It failed too often, or for good.
            OSError: The disk is full.
        """
        started = time.monotonic()
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(min(_LONGEST_WAIT, 2.0**attempt) * random.SystemRandom().uniform(0.5, 1))
            try:
                return do()
            except (MissingPackageError, MemoryError):
                raise
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _FULL:
                    raise
                reason, for_good = _explain(error)
                if for_good or attempt == ATTEMPTS - 1:
                    tried = f" after {attempt + 1} attempts in {time.monotonic() - started:.0f} s"
                    raise ShardError(
                        f"'{self.root}/{name}' cannot be {'read' if verb == 'read' else 'written'}"
                        f"{tried * (attempt > 0)}: {reason}"
                    ) from error
        raise AssertionError


@functools.lru_cache(maxsize=1)
def _client(process: int, timeout: float, *environment: tuple[str, str]) -> Any:
    """Return a client for ``process``: connections must not be shared with a parent."""
    import boto3
    from botocore.config import Config

    own_server = any(name.startswith("AWS_ENDPOINT_URL") for name, _ in environment)
    settings = Config(
        retries={"total_max_attempts": 1},  # _persist tries again
        connect_timeout=timeout,
        read_timeout=timeout,
        s3={"addressing_style": "path"} if own_server else {},
        # other servers know fewer kinds of checksums; the index has its own
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client("s3", config=settings)


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _explain(error: Exception) -> tuple[str, bool]:
    """Return what to tell of an error of boto3, and whether another attempt is in vain."""
    from botocore import exceptions as known

    if isinstance(error, known.NoCredentialsError):
        return "no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", True
    if isinstance(error, (known.ParamValidationError, known.InvalidRegionError, ValueError)):
        return f"{error}.", True
    if isinstance(error, known.ClientError):
        code = _code(error)
        message = error.response.get("Error", {}).get("Message") or "no reason given"
        if code in ("404", "NoSuchKey"):
            return "there is no such object.", True
        return f"the store answers {code} ({message}).", code in _FOR_GOOD
    return f"{error or type(error).__name__}.", False


class Folder(Store):
    """The files of a folder."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.root = os.fspath(folder).rstrip("/") or "/"

    def fetch(self, name: str, file: IO[bytes]) -> None:
        """Copy a file."""
        with self._explained(name, "read"), open(f"{self.root}/{name}", "rb") as source:
            while content := source.read(1 << 20):
                file.write(content)

    def put(self, name: str, path: Path) -> None:
        """Move a file, which has to be on the same file system."""
        target = Path(self.root, name)
        with self._explained(name, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)

    def version(self, name: str) -> tuple[str, int] | None:
        """Return time and size of a file."""
        try:
            found = os.stat(f"{self.root}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return str(found.st_mtime_ns), found.st_size

    @contextlib.contextmanager
    def _explained(self, name: str, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise
            reason = error.strerror or str(error)
            raise ShardError(f"'{self.root}/{name}' cannot be {verb}: {reason}.") from error


def store_at(root: str | os.PathLike[str]) -> Store:
    """Return the store at an address, or the folder."""
    return ObjectStore(os.fspath(root)) if is_address(root) else Folder(root)
