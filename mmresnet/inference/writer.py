"""The output folder: pictures of images, annotated videos, and one JSON with all results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError
from mmresnet.inference.results import Result, write_json
from mmresnet.inference.sources import Source
from mmresnet.visualization.overlay import draw

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.inference.pipeline import Image

PICTURES, RESULTS = "pictures", "results.json"


class OutputFolder:
    """Write ``<folder>/pictures/<name>.jpg`` or ``.mp4``, and ``<folder>/results.json``.

    Args:
        pictures: Whether to write pictures, or the JSON alone.
        score_thr: See :func:`mmresnet.visualization.overlay.draw`.

    Raises:
        UserError: The folder cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike, pictures: bool, score_thr: float) -> None:
        self.folder = Path(folder)
        self.pictures, self.score_thr = pictures, score_thr
        self._video: _VideoFile | None = None
        try:
            (self.folder / PICTURES if pictures else self.folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Nothing can be written to '{folder}': {error.strerror}.") from error

    def add(self, image: Image, result: Result) -> None:
        """Draw ``result`` and note in it where; frames of a video are to come one by one."""
        if not self.pictures:
            return
        drawn = draw(image.pixels, result, self.score_thr)
        if image.frame is None:
            result["picture"] = f"{PICTURES}/{image.source.name}.jpg"
            self._save(drawn, self.folder / result["picture"])
            return
        result["picture"] = f"{PICTURES}/{image.source.name}.mp4"
        if self._video is None or self._video.source is not image.source:
            self._finish_video(complete=True)
            path = self.folder / result["picture"]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._video = _VideoFile(image.source, path, image.rate, drawn.shape[:2])
        self._video.write(drawn)

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the video that is being written; after an exception, remove it."""
        self._finish_video(complete=kind is None)

    def _finish_video(self, complete: bool) -> None:
        if self._video is not None:
            self._video.close(complete)
            self._video = None

    def write_results(self, document: Mapping[str, Any]) -> Path:
        """Write ``document`` to the JSON, and return its path."""
        write_json(document, self.folder / RESULTS)
        return self.folder / RESULTS

    @staticmethod
    def _save(drawn: np.ndarray, path: Path) -> None:
        from PIL import Image

        path.parent.mkdir(parents=True, exist_ok=True)
        # colour at full resolution, or else thin lines and letters blur
        Image.fromarray(drawn).save(path, quality=92, subsampling=0)


class _VideoFile:
    """An MPEG-4 video, which appears under its name when it is complete."""

    def __init__(self, source: Source, path: Path, rate: float, shape: tuple[int, int]) -> None:
        import cv2

        self.source = source
        self._path, self._partial = path, path.with_name(f".{path.name}")
        self._partial = self._partial.with_suffix(".partial.mp4")
        # the format halves the resolution of colour, and so takes even sizes only
        self._shape = tuple(side + side % 2 for side in shape)
        code = cv2.VideoWriter_fourcc(*"mp4v")
        self._file = cv2.VideoWriter(str(self._partial), code, rate, self._shape[::-1])
        if not self._file.isOpened():
            raise UserError(
                f"OpenCV cannot write the video '{path}': this build of it has no MPEG-4 encoder, "
                "or the folder is not writable; --no-pictures writes the JSON alone."
            )

    def write(self, drawn: np.ndarray) -> None:
        import numpy as np

        rows, columns = (
            wanted - have for wanted, have in zip(self._shape, drawn.shape, strict=False)
        )
        even = np.pad(drawn, ((0, rows), (0, columns), (0, 0)), mode="edge")
        self._file.write(np.ascontiguousarray(even[..., ::-1]))

    def close(self, complete: bool) -> None:
        self._file.release()
        if complete:
            os.replace(self._partial, self._path)
        else:
            self._partial.unlink()
