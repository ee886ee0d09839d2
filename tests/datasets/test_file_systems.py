"""The file system of a path, from the list of mounts."""

from mmresnet.datasets.file_systems import file_system

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:40 / {0}/data rw shared:1 master:2 - nfs4 server:/data rw
24 22 0:41 / {0}/my\\040data rw - fuse.sshfs host: rw
25 23 0:42 / {0}/data/fast rw - xfs /dev/vdb rw
26 23 0:43 / {0}/data/fast rw - tmpfs none rw
"""


def test_the_innermost_and_latest_mount_counts(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.format(tmp_path))
    found = [
        file_system(tmp_path / name, str(mounts))
        for name in ("", "data", "data/x/y", "data/fast/z", "my data/z", "database")
    ]
    assert found == ["ext4", "nfs4", "nfs4", "tmpfs", "fuse.sshfs", "ext4"]
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert file_system(tmp_path / "link", str(mounts)) == "nfs4"
    assert file_system(tmp_path, str(tmp_path / "none")) == ""
