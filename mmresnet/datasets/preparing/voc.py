"""PASCAL VOC 2007 and 2012."""

from __future__ import annotations

from mmresnet.datasets.preparing.data_set import Contents, DataSet, Download, Target, below

_PAGE = "http://host.robots.ox.ac.uk/pascal/VOC/voc{}/"


class VOC(DataSet):
    """The development kit's layout: ``VOCdevkit/{VOC2007,VOC2012}/{JPEGImages,Annotations,…}``."""

    # checksums as in torchvision/datasets/voc/dataset.py
    downloads = (
        Download(
            *("VOCtrainval_06-Nov-2007.tar", _PAGE.format(2007), ("VOC2007 trainval",)),
            md5="c52e279531787c972589f7e41ab4ae64",
        ),
        Download(
            *("VOCtest_06-Nov-2007.tar", _PAGE.format(2007), ("VOC2007 test",)),
            md5="b6e924de25625d8de591ea690078ad9f",
        ),
        Download(
            *("VOCtrainval_11-May-2012.tar", _PAGE.format(2012), ("VOC2012 trainval",)),
            md5="6cd6e144f989b92b3379bac3b3de84fd",
        ),
        Download(
            *("VOC2012test.tar", "http://host.robots.ox.ac.uk:8080/", ("VOC2012 test",)),
            account=True,
            edition="2012 test",  # its annotations are not public
        ),
    )

    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return the paths of the archives."""
        return dict.fromkeys(contents, below("VOCdevkit/VOC2007", "VOCdevkit/VOC2012"))
