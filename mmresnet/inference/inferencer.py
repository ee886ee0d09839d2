"""What a trained classifier or detector says of images: in one call, or by a model kept loaded."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError
from mmresnet.inference.sources import Source, find_sources

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmresnet.inference.pipeline import Failure, Image
    from mmresnet.inference.results import Result
    from mmresnet.inference.sources import Images

SCORE_THR, BATCH_SIZE = 0.3, 8


class UnreadableImages(Exception):
    """Some files could not be read; what is said of the others is in ``results``.

    Attributes:
        results: As :func:`infer` returns them, of the images that were read.
        failed: The files that were not, each with the reason.
    """

    def __init__(self, results: list[Result], failed: list[Failure]) -> None:
        self.results, self.failed = results, failed
        super().__init__("\n".join(f"'{one.path}' is left out: {one.reason}." for one in failed))


def infer(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike,
    images: Images,
    out: str | os.PathLike | None = None,
    *,
    score_thr: float = SCORE_THR,
    batch_size: int = BATCH_SIZE,
    amp: bool = False,
    device: str = "auto",
    pictures: bool = True,
    cfg_options: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> list[Result]:
    """Return what the model of ``config`` with the weights of ``checkpoint`` says of ``images``.

    Args:
        images: As :func:`mmresnet.inference.sources.find_sources` takes them: a path of an image,
            video or folder, a glob, an array, or a sequence of these. An array is (H, W, 3) uint8
            in BGR, as OpenCV reads it.
        out: A folder for pictures and ``results.json``; None writes nothing.
        score_thr: Objects with lower scores are left out, and so are labels of a model that gives
            an image any number of them. Of a model that gives one, the five best labels are
            returned, and the pictures show the best and others that reach this.
        batch_size: Images that the model looks at together.
        amp: Compute in bfloat16, or in float16 on GPUs without it.
        device: "auto", "cpu" or "cuda".
        pictures: Whether to write pictures to ``out`` and not the JSON alone.
        cfg_options: Settings to override, as :func:`mmresnet.config.load.load_config` takes them.
        progress: Show a bar, where standard output is a terminal.

    Returns:
        A dict of plain values for each image, in the order of ``images``, and for each frame of a
        video: see :class:`mmresnet.inference.results.Result`.

    Raises:
        UserError: A mistake in the config or what was asked, or a checkpoint of another model.
        UnreadableImages: Some files could not be read. Raised after all others were looked at and
            written to ``out``, and holds their results.
    """
    sources = find_sources(images, _pictures_of(out))  # before anything that takes long
    _check_numbers(score_thr, batch_size)
    inferencer = Inferencer(config, checkpoint, amp=amp, device=device, cfg_options=cfg_options)
    return inferencer._look_at(sources, out, score_thr, batch_size, pictures, progress)


class Inferencer:
    """A model kept loaded, to be called on images again and again.

    Attributes:
        model: mmpretrain's classifier or mmdet's detector, in eval mode.
        classes: The names of the classes, by number.
    """

    def __init__(
        self,
        config: str | os.PathLike | Config,
        checkpoint: str | os.PathLike,
        *,
        amp: bool = False,
        device: str = "auto",
        cfg_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Load the model; the arguments are those of :func:`infer`.

        The recipe's number of classes gives way to the checkpoint's.
        """
        import torch

        from mmresnet.engine import loading

        checkpoint = os.fspath(checkpoint)
        cfg = loading.load_settings(config, cfg_options, device)
        content = loading.read_checkpoint(checkpoint)
        loading.follow_checkpoint(cfg, content)
        from mmresnet.inference.pipeline import Reader

        self.classes = loading.class_names(cfg, content)
        self._reader = Reader(cfg)
        model = loading.load_model(cfg, checkpoint, device, content)
        # the order in which convolutions are fastest; results may differ in their last bits
        self.model = model.to(memory_format=torch.channels_last)
        self._amp = amp
        if amp:
            from mmresnet.engine.float32_boxes import keep_boxes_in_float32

            keep_boxes_in_float32(self.model)
        self._origin = {"config": str(cfg.filename or ""), "checkpoint": checkpoint}

    def __call__(
        self,
        images: Images,
        out: str | os.PathLike | None = None,
        *,
        score_thr: float = SCORE_THR,
        batch_size: int = BATCH_SIZE,
        pictures: bool = True,
        progress: bool = False,
    ) -> list[Result]:
        """Return what the model says of ``images``; arguments and results are :func:`infer`'s."""
        _check_numbers(score_thr, batch_size)
        sources = find_sources(images, _pictures_of(out))
        return self._look_at(sources, out, score_thr, batch_size, pictures, progress)

    def _look_at(
        self,
        sources: list[Source],
        out: str | os.PathLike | None,
        score_thr: float,
        batch_size: int,
        pictures: bool,
        progress: bool,
    ) -> list[Result]:
        from mmresnet.inference.pipeline import Failure, ahead
        from mmresnet.inference.progress_bar import image_bar
        from mmresnet.inference.results import describe
        from mmresnet.inference.writer import OutputFolder

        head = getattr(self.model, "head", None)
        several = hasattr(head, "thr")  # the threshold of a head that gives any number of labels
        results: list[Result] = []
        failed: list[Failure] = []
        with contextlib.ExitStack() as stack:
            output = None
            if out is not None:
                output = stack.enter_context(OutputFolder(out, pictures, score_thr))
            advance = stack.enter_context(image_bar(sources)) if progress else None
            # the next images are read while the model looks at these
            batches = ahead(_batches(self._reader.read(sources), batch_size), depth=2)
            stack.callback(batches.close)
            for batch in batches:
                images = [one for one in batch if not isinstance(one, Failure)]
                failed.extend(one for one in batch if isinstance(one, Failure))
                for image, sample in zip(images, self._predict(images), strict=True):
                    results.append(describe(image, sample, self.classes, score_thr, several))
                    if output is not None:
                        output.add(image, results[-1])
                if advance is not None:
                    advance(len(batch))
        if output is not None:
            output.write_results(
                {
                    **self._origin,
                    "classes": self.classes,
                    "score_thr": score_thr,
                    "results": results,
                    "failed": [{"path": one.path, "reason": one.reason} for one in failed],
                }
            )
        if failed:
            raise UnreadableImages(results, failed)
        return results

    def _predict(self, images: Sequence[Image]) -> list[Any]:
        """Return the model's samples, on the CPU."""
        if not images:
            return []
        import torch
        from mmengine.dataset import pseudo_collate

        from mmresnet.engine.amp import choose_dtype

        kind = self.model.data_preprocessor.device.type
        context: Any = contextlib.nullcontext()
        if self._amp:
            native = kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
            context = torch.autocast(kind, choose_dtype(kind, native))
        with torch.inference_mode(), context:
            return self.model.test_step(pseudo_collate([image.data for image in images]))


def _pictures_of(out: str | os.PathLike | None) -> str | None:
    return None if out is None else os.path.join(out, "pictures")


def _check_numbers(score_thr: float, batch_size: int) -> None:
    if not 0 <= score_thr <= 1:
        raise UserError(f"A score threshold lies between 0 and 1, unlike {score_thr}.")
    if batch_size < 1:
        raise UserError(f"A batch holds at least 1 image, not {batch_size}.")


def _batches(images: Iterator, size: int) -> Iterator[list]:
    batch: list = []
    for image in images:
        batch.append(image)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
