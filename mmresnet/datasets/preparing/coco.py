"""COCO, of 2017 and of 2014."""

from __future__ import annotations

from mmresnet.datasets.preparing.data_set import Contents, DataSet, Download, Target, below

_PAGE = "https://cocodataset.org/#download"
_FOLDERS = ("annotations", "train2017", "val2017", "test2017", "train2014", "val2014")


class COCO(DataSet):
    """The usual layout: ``annotations/*.json``, ``train2017/*.jpg``, ``val2017/*.jpg``."""

    # COCO publishes no checksums. These are those against which several independent projects
    # check; for the annotations of 2014 they contradict each other.
    downloads = (
        Download(
            *("train2017.zip", _PAGE, ("train2017 images",)),
            md5="cced6f7f71b7629ddf16f17bbcfab6b2",
            edition="2017",
        ),
        Download(
            *("val2017.zip", _PAGE, ("val2017 images",)),
            md5="442b8da7639aecaf257c1dceb8ba8c80",
            edition="2017",
        ),
        Download(
            *("annotations_trainval2017.zip", _PAGE, ("annotations of 2017",)),
            md5="f4bbac642086de4f52a3fdda2de5fa2c",
            edition="2017",
        ),
        Download(
            *("test2017.zip", _PAGE, ("test2017 images",)),
            md5="77ad2c53ac5d0aea611d422c0938fb35",
            edition="2017 test",
        ),
        Download(
            *("image_info_test2017.zip", _PAGE, ("list of test2017 images",)),
            md5="85da7065e5e600ebfee8af1edb634eb5",
            edition="2017 test",
        ),
        Download(
            *("train2014.zip", _PAGE, ("train2014 images",)),
            md5="0da8cfa0e090c266b78f30e2d2874f1a",
            edition="2014",
        ),
        Download(
            *("val2014.zip", _PAGE, ("val2014 images",)),
            md5="a3d79f5ed8d289b7a7554ce06a5782b3",
            edition="2014",
        ),
        Download(
            *("annotations_trainval2014.zip", _PAGE, ("annotations of 2014",)),
            edition="2014",
        ),
    )

    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return the paths of the archives."""
        return dict.fromkeys(contents, below(*_FOLDERS))
