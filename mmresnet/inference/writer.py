"""Write the output folder: annotated images and videos, and ``results.json``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError
from mmresnet.evaluation.results import Result
from mmresnet.inference.results import write_json
from mmresnet.inference.sources import Source
from mmresnet.visualization.overlay import draw

if TYPE_CHECKING:
    import numpy as np

    from mmresnet.inference.pipeline import Image

PICTURES, RESULTS = "pictures", "results.json"


class OutputFolder:
    """Write ``<folder>/pictures/<name>.jpg`` or ``.mp4``, and ``<folder>/results.json``.

    Args:
        pictures: Whether to write pictures, or only the JSON.
        score_thr: See :func:`mmresnet.visualization.overlay.draw`.

    Raises:
        UserError: The folder cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike[str], pictures: bool, score_thr: float) -> None:
        self.folder = Path(folder)
        self.pictures, self.score_thr = pictures, score_thr
        self._video: _VideoFile | None = None
        try:
            (self.folder / PICTURES if pictures else self.folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Nothing can be written to '{folder}': {error.strerror}.") from error

    def add(self, image: Image, result: Result) -> None:
        """Draw ``result`` and add the picture's path to it; frames of a video must be in order."""
        if not self.pictures:
            return
        from PIL import Image as Picture

        drawn = draw(image.pixels, result, self.score_thr)
        extension = ".jpg" if image.frame is None else ".mp4"
        result["picture"] = f"{PICTURES}/{image.source.name}{extension}"
        path = self.folder / result["picture"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if image.frame is None:
            # no chroma subsampling, which blurs thin lines and letters
            Picture.fromarray(drawn).save(path, quality=92, subsampling=0)
            return
        if self._video is None or self._video.source is not image.source:
            self._close_video(complete=True)
            self._video = _VideoFile(image.source, path, image.rate, drawn.shape[:2])
        self._video.write(drawn)

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the video that is being written; after an exception, remove it."""
        self._close_video(complete=kind is None)

    def _close_video(self, complete: bool) -> None:
        if self._video is not None:
            self._video.close(complete)
            self._video = None

    def write_results(self, document: Mapping[str, Any]) -> None:
        """Write ``document`` to ``results.json``."""
        write_json(document, self.folder / RESULTS)


class _VideoFile:
    """An MPEG-4 video, which gets its name when it is complete."""

    def __init__(self, source: Source, path: Path, rate: float, shape: tuple[int, int]) -> None:
        import cv2

        self.source = source
        self._path, self._partial = path, path.with_name(f".{path.stem}.partial.mp4")
        height, width = (side + side % 2 for side in shape)  # chroma subsampling needs even sizes
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._file = cv2.VideoWriter(str(self._partial), code, rate, (width, height))
        if not self._file.isOpened():
            raise UserError(
                f"OpenCV cannot write the video '{path}': its build has no MPEG-4 encoder, or the "
                "folder is not writable; --no-pictures writes only the JSON."
            )

    def write(self, drawn: np.ndarray) -> None:
        import numpy as np

        rows, columns = drawn.shape[0] % 2, drawn.shape[1] % 2
        even = np.pad(drawn, ((0, rows), (0, columns), (0, 0)), mode="edge")
        self._file.write(np.ascontiguousarray(even[..., ::-1]))

    def close(self, complete: bool) -> None:
        self._file.release()
        if complete:
            os.replace(self._partial, self._path)
        else:
            self._partial.unlink()
