"""ImageNet's detection set (ILSVRC), with its validation set in two halves, as R-CNN has it."""

from __future__ import annotations

from pathlib import Path

from mmresnet.datasets.imagenet_det.split import split_val
from mmresnet.datasets.preparing.data_set import Contents, DataSet, Download, Target, below
from mmresnet.datasets.resumable import write
from mmresnet.datasets.voc.annotation import read_annotation
from mmresnet.errors import UserError, UserFileNotFoundError


class ImageNetDet(DataSet):
    """ILSVRC's layout: ``{Data,Annotations,ImageSets}/DET/…``, and ``ImageSets/DET/val1.txt``.

    Args:
        val1, val2: Lists of the images in the halves, a name at the start of each line; without
            them, the halves are those of :func:`mmresnet.datasets.imagenet_det.split.split_val`.

    Raises:
        UserError: There is one list without the other, or they share an image.
    """

    # no checksum is published: gzip's own is verified
    downloads = tuple(
        Download(
            f"ILSVRC{year}_DET.tar.gz",
            f"https://image-net.org/challenges/LSVRC/{year}/{year}-downloads.php",
            ("images and boxes",),
            account=True,
        )
        for year in (2015, 2017)
    )

    def __init__(self, val1: Path | None = None, val2: Path | None = None) -> None:
        self._halves: tuple[list[str], list[str]] | None = None
        if (val1 is None) != (val2 is None):
            raise UserError("--val1 and --val2 are the two halves of one set: give both.")
        if val1 is not None and val2 is not None:
            self._halves = _listed(val1), _listed(val2)
            if common := set(self._halves[0]) & set(self._halves[1]):
                raise UserError(f"'{val1}' and '{val2}' both list '{min(common)}'.")

    def targets(self, contents: Contents) -> dict[str, Target]:
        """Return the paths of the archive, which lie below ``ILSVRC2015`` or ``ILSVRC``."""
        return dict.fromkeys(contents, below("Data/DET", "Annotations/DET", "ImageSets/DET"))

    def finish(self, folder: Path) -> None:
        """Write the lists of the halves, ``val1.txt`` and ``val2.txt``.

        Raises:
            UserError: Other ones are there, or a given one names an image that is not.
        """
        paths = [folder / "ImageSets" / "DET" / f"{name}.txt" for name in ("val1", "val2")]
        if self._halves is None and all(path.exists() for path in paths):
            return
        annotations = folder / "Annotations" / "DET" / "val"
        names = sorted(path.stem for path in annotations.glob("*.xml"))
        if self._halves is None:
            halves = split_val({n: read_annotation(annotations / f"{n}.xml").names for n in names})
        else:
            halves = self._halves
            if unknown := set(halves[0] + halves[1]) - set(names):
                raise UserError(
                    f"'{min(unknown)}' of --val1 and --val2 has no file in '{annotations}': the "
                    "lists are of another set."
                )
        for path, half in zip(paths, halves, strict=True):
            content = "".join(f"{name}\n" for name in half).encode()
            if path.exists() and path.read_bytes() != content:
                raise UserError(
                    f"'{path}' is there already, and lists other images: move it away to have it "
                    "written."
                )
            write(path, content)


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError as error:
        raise UserFileNotFoundError(f"There is no list of images '{path}'.") from error
    return [line.split()[0] for line in lines if line.strip()]
