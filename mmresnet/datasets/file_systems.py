"""What is known of the file system that a path lies on."""

from __future__ import annotations

import os
import re
from pathlib import Path

# A folder's time changes there with its list of names, and a file keeps its pages when it is
# replaced while a process maps it.
LOCAL = {
    *("bcachefs", "btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "squashfs"),
    *("tmpfs", "xfs", "zfs"),
}
# As for the first; but another machine may take the pages of a replaced file away. Left out: FUSE,
# 9p, SMB and object stores, where the time of a folder may mean nothing.
SHARED = {"beegfs", "ceph", "gfs2", "gpfs", "lustre", "nfs", "nfs4", "ocfs2"}


def file_system(path: str | os.PathLike[str], mounts: str = "/proc/self/mountinfo") -> str:
    """Return the type of the file system of ``path``: "ext4", "nfs4" …; empty if it is unknown.

    It is where the system lists no mounts, as on macOS and Windows.
    """
    wanted = Path(os.path.realpath(path))
    found, depth = "", -1
    try:
        lines = Path(mounts).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        # a space in a path is written \040
        point = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), before.split()[4]))
        deeper = len(point.parts) >= depth  # of two mounts on a folder the later one is seen
        if deeper and wanted.is_relative_to(point):
            found, depth = after.split()[0], len(point.parts)
    return found
