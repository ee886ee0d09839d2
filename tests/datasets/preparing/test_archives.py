"""Tar, tar.gz and zip files: what they hold, damaged ones, and names that lead elsewhere."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import published_archives as published
import pytest

from mmresnet.datasets.preparing.archive import read_files
from mmresnet.datasets.preparing.archives import open_archive
from mmresnet.errors import UserError

FILES = {f"a/{i}.jpg": bytes([i]) * (900 * i) for i in range(6)} | {"a/b/list.txt": b"0\n1\n"}
INNER = {"x.txt": b"outer", "n01.tar": published.tar(FILES), "n02.tar": published.tar({"y": b"2"})}
KINDS = {
    "tar": published.tar({"a/": b"", **FILES}),
    "tar.gz": published.tar({"a/": b"", **FILES}, compressed=True),
    "zip": published.zipped({"a/": b"", **FILES}),
}


def open_bytes(content, folder):
    path = folder / "archive"
    path.write_bytes(content)
    return open_archive(path)


def read_all(archive):
    members = archive.survey(len, True)
    numbers = range(len(members.names))
    return {members.names[i]: read() for i, read in archive.contents(members, numbers)}


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_read_one_by_one_in_threads(kind, tmp_path):
    archive = open_bytes(KINDS[kind], tmp_path)
    checksum = hashlib.md5()
    members = archive.survey(checksum.update, True)
    assert checksum.digest() == hashlib.md5(KINDS[kind]).digest()  # each byte once, in order
    assert dict(zip(members.names, members.sizes, strict=True)) == {
        name: len(data) for name, data in FILES.items()
    }
    numbers = [1, 3, 6]
    with ThreadPoolExecutor(3) as pool:
        reads = list(archive.contents(members, numbers))
        contents = list(pool.map(lambda pair: pair[1](), reads))
    assert [number for number, _ in reads] == numbers
    assert contents == [FILES[members.names[number]] for number in numbers]
    assert read_files(archive, members, "list.txt", "2.jpg") == [b"0\n1\n", FILES["a/2.jpg"]]
    with pytest.raises(UserError, match=r"archive' holds no file 'ist\.txt'"):
        read_files(archive, members, "ist.txt")


@pytest.mark.parametrize("compressed", [False, True])
def test_inner_tar_files_are_folders(compressed, tmp_path):
    archive = open_bytes(published.tar(INNER, compressed), tmp_path)
    expected = {"x.txt": b"outer", "n02/y": b"2"} | {f"n01/{n}": d for n, d in FILES.items()}
    assert read_all(archive) == expected


def test_names_that_begin_with_a_dot(tmp_path):
    files = {"./": b"", "./a/b": b"1"}
    assert read_all(open_bytes(published.tar(files), tmp_path)) == {"a/b": b"1"}


def damaged():
    whole, gz, zip_ = KINDS.values()
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        last = archive.getmembers()[-1]
    end = last.offset_data + 512  # of the last file, whose content takes one block
    nested = published.tar({"n01.tar": KINDS["tar"][:end]})
    content = zip_.index(FILES["a/5.jpg"])
    yield "in a header", whole[:700]
    yield "in a file", whole[:5000]
    yield "between files", whole[:end]
    yield "in an inner tar file", nested
    yield "a header changed", whole[:600] + b"\xff" + whole[601:]
    yield "gzip of a part", gzip.compress(whole[:end])
    yield "gzip cut", gz[: len(gz) // 2]
    yield "gzip without its end", gz[:-4]
    yield "gzip checksum", gz[:-6] + b"\0" + gz[-5:]
    yield "zip cut", zip_[:-30]
    yield "zip content", zip_[:content] + b"\0" + zip_[content + 1 :]


@pytest.mark.parametrize("content", [pytest.param(c, id=name) for name, c in damaged()])
def test_damaged_archives_are_named(content, tmp_path):
    with pytest.raises(UserError) as caught:
        read_all(open_bytes(content, tmp_path))
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"'{tmp_path}/archive' is cut off or damaged (")
    assert line.endswith("): download it again.")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>\n" + b" " * 900])
def test_what_is_no_archive(content, tmp_path):
    with pytest.raises(UserError, match=r"archive' is no tar, tar\.gz or zip file \(it begins"):
        open_bytes(content, tmp_path)


UNSAFE = ("../a", "/etc/a", "a/../../b", "C:\\a", "a\\..\\..\\b", "a\nb")


@pytest.mark.parametrize("name", UNSAFE)
@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "inner"])
def test_names_that_lead_elsewhere(name, kind, tmp_path):
    files = {"good": b"1", name: b"2"}
    content = {
        "tar": published.tar(files),
        "tar.gz": published.tar(files, compressed=True),
        "zip": published.zipped(files),
        "inner": published.tar({"n01.tar": published.tar(files)}),
    }[kind]
    with pytest.raises(UserError, match="which would be written elsewhere"):
        open_bytes(content, tmp_path).survey(len, True)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_tar_files(kind, tmp_path):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(UserError, match="'link', which is a link or no plain file"):
        open_bytes(content.getvalue(), tmp_path).survey(len, True)


def test_links_and_encrypted_files_in_zip_files(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="'link', which is a link or no plain file"):
        open_bytes(content.getvalue(), tmp_path).survey(len, True)
    encrypted = bytearray(published.zipped({"a.jpg": b"1"}))
    encrypted[6] |= 1  # in the file's header, and in the directory
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(UserError, match=r"'a\.jpg', which is encrypted"):
        open_bytes(bytes(encrypted), tmp_path).survey(len, True)
