"""Run a trained classifier or detector on images, in one call or with a model kept loaded."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError
from mmresnet.inference.progress_bar import count_images
from mmresnet.inference.sources import Source, find_sources

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.model import BaseModel

    from mmresnet.evaluation.results import Result
    from mmresnet.inference.pipeline import Failure, Image
    from mmresnet.inference.sources import Images

SCORE_THR, BATCH_SIZE = 0.3, 8


class UnreadableImages(Exception):
    """Some files could not be read; ``results`` holds the results of the others.

    Attributes:
        results: The results of the images that were read, as :func:`infer` returns them.
        failed: The files that could not be read, with the reasons.
    """

    def __init__(self, results: list[Result], failed: list[Failure]) -> None:
        self.results, self.failed = results, failed
        super().__init__("\n".join(f"Error reading '{one.path}': {one.reason}." for one in failed))


def infer(
    config: str | os.PathLike[str] | Config,
    checkpoint: str | os.PathLike[str],
    images: Images,
    out: str | os.PathLike[str] | None = None,
    *,
    score_thr: float = SCORE_THR,
    batch_size: int = BATCH_SIZE,
    precision: str | None = None,
    engine: str = "auto",
    amp: bool = False,
    device: str = "auto",
    pictures: bool = True,
    cfg_options: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> list[Result]:
    """Run the model of ``config`` with the weights of ``checkpoint`` on ``images``.

    Args:
        images: As :func:`mmresnet.inference.sources.find_sources` takes them: a path of an image,
            video or folder, a glob, an array, or a sequence of these. An array is (H, W, 3) uint8
            in BGR, as ``cv2.imread`` returns it.
        out: A folder for pictures and ``results.json``; None writes nothing.
        score_thr: Objects, and labels of a multi-label classifier, with lower scores are left out.
            For other classifiers the five best labels are returned, and the pictures show the best
            one and those with at least this score.
        batch_size: Images per batch.
        precision: What to compute in: "float32", "bfloat16", "float16", or "auto", which is
            bfloat16 on CPUs and GPUs that compute in it natively, float16 on other GPUs with tensor
            cores, and float32 elsewhere. None is the config's ``precision``, or else "auto". Boxes
            and scores are float32 in any case.
        engine: "pytorch"; "openvino", which computes the backbone on a CPU by OpenVINO; or "auto",
            which is OpenVINO where it is installed and pays: for classifiers and at least 4,000
            images, and detectors in float32 and at least 100, unless its outputs differ from
            PyTorch's.
        amp: Compute in 16 bits also where they are not native.
        device: "auto", "cpu" or "cuda".
        pictures: Whether to write pictures to ``out``, or only the JSON.
        cfg_options: Settings to override, as :func:`mmresnet.config.load.load_config` takes them.
        progress: Show a progress bar if standard output is a terminal.

    Returns:
        A dict of plain values for each image, in the order of ``images``, and for each frame of a
        video: see :class:`mmresnet.evaluation.results.Result`.

    Raises:
        UserError: A mistake in the config or the arguments, or a checkpoint of another model.
        UnreadableImages: Some files could not be read. Raised after the results of all others were
            written to ``out``; holds these results.
    """
    sources = _check(images, out, score_thr, batch_size)  # before the model is loaded
    inferencer = Inferencer(
        config,
        checkpoint,
        precision=precision,
        engine=engine,
        amp=amp,
        device=device,
        cfg_options=cfg_options,
        expected_images=count_images(sources),
    )
    return inferencer._run(sources, out, score_thr, batch_size, pictures, progress)


class Inferencer:
    """A model that stays loaded between calls.

    Attributes:
        model: mmpretrain's classifier or mmdet's detector, in eval mode; for inference only, since
            its layers are fused and converted.
        classes: The names of the classes; a class id is an index into them.
        engine: What computes the backbone: "pytorch" or "openvino".
        temperature: By which the scores are calibrated, as ``mmresnet calibrate`` has stored it
            with the weights; None if it has not, and for detectors.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | Config,
        checkpoint: str | os.PathLike[str],
        *,
        precision: str | None = None,
        engine: str = "auto",
        amp: bool = False,
        device: str = "auto",
        cfg_options: Mapping[str, Any] | None = None,
        expected_images: int = 0,
    ) -> None:
        """Load the model; the arguments are those of :func:`infer`.

        The checkpoint's number of classes overrides the config's.

        Args:
            expected_images: How many images it will get in all, as far as that is known; for the
                engine "auto".
        """
        import torch

        from mmresnet.config.classes import class_names, follow_checkpoint
        from mmresnet.config.preflight.initial_weights import check_exists
        from mmresnet.engine.allocator import keep_freed_memory
        from mmresnet.engine.assembly import building, choose_device, load_model, prepare
        from mmresnet.engine.float32_boxes import keep_boxes_in_float32
        from mmresnet.engine.precision import choose_precision
        from mmresnet.inference.engines import check_engine, optimize
        from mmresnet.inference.pipeline import Reader, test_dataset
        from mmresnet.weights.checkpoint import read
        from mmresnet.weights.temperature import temperature_of

        checkpoint = os.fspath(checkpoint)
        device = choose_device(device)
        check_engine(engine, device)
        check_exists(checkpoint)
        cfg = prepare(config, cfg_options)
        dtype = choose_precision(device, precision or cfg.get("precision") or "auto", amp)
        content = read(checkpoint)
        follow_checkpoint(cfg, content)
        self.temperature = temperature_of(content)
        with building(cfg):
            self.classes = class_names(test_dataset(cfg), content)
        self._reader = Reader(cfg, threads=_reading_threads())
        self.model: BaseModel = load_model(cfg, content, device)
        if dtype is not None:
            keep_boxes_in_float32(self.model)
        self.engine = optimize(self.model, engine, dtype or torch.float32, expected_images)
        if device == "cpu":
            keep_freed_memory()
        self._autocast = torch.autocast(device, dtype, enabled=dtype is not None)
        self._origin = {"config": str(cfg.filename or ""), "checkpoint": checkpoint}

    def __call__(
        self,
        images: Images,
        out: str | os.PathLike[str] | None = None,
        *,
        score_thr: float = SCORE_THR,
        batch_size: int = BATCH_SIZE,
        pictures: bool = True,
        progress: bool = False,
    ) -> list[Result]:
        """Run the model on ``images``; arguments and results are those of :func:`infer`."""
        sources = _check(images, out, score_thr, batch_size)
        return self._run(sources, out, score_thr, batch_size, pictures, progress)

    def _run(
        self,
        sources: list[Source],
        out: str | os.PathLike[str] | None,
        score_thr: float,
        batch_size: int,
        pictures: bool,
        progress: bool,
    ) -> list[Result]:
        from mmresnet.inference.pipeline import Failure, prefetch
        from mmresnet.inference.progress_bar import image_bar
        from mmresnet.inference.results import describe
        from mmresnet.inference.writer import OutputFolder

        multi_label = hasattr(getattr(self.model, "head", None), "thr")
        results: list[Result] = []
        failed: list[Failure] = []
        with contextlib.ExitStack() as stack:
            output = None
            if out is not None:
                output = stack.enter_context(OutputFolder(out, pictures, score_thr))
            advance = stack.enter_context(image_bar(sources)) if progress else None
            stream = stack.enter_context(contextlib.closing(self._reader.read(sources)))
            batches = iter(lambda: list(itertools.islice(stream, batch_size)), [])
            # the next batches are read while the model runs on this one
            for batch in stack.enter_context(contextlib.closing(prefetch(batches, depth=2))):
                images = [one for one in batch if not isinstance(one, Failure)]
                failed.extend(one for one in batch if isinstance(one, Failure))
                for image, sample in zip(images, self._predict(images), strict=True):
                    results.append(describe(image, sample, self.classes, score_thr, multi_label))
                    if output is not None:
                        output.add(image, results[-1])
                if advance is not None:
                    advance(len(batch))
        if output is not None:
            output.write_results(
                {
                    **self._origin,
                    **({} if self.temperature is None else {"temperature": self.temperature}),
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
        """Return the samples with the model's predictions."""
        if not images:
            return []
        import torch
        from mmengine.dataset import pseudo_collate

        batch = pseudo_collate([image.data for image in images])
        if len({tensor.shape for tensor in batch["inputs"]}) == 1:
            batch["inputs"] = torch.stack(batch["inputs"])  # normalized at once
        with torch.inference_mode(), self._autocast:
            samples = self.model.test_step(batch)
        if self.temperature is not None:
            for sample in samples:
                _calibrate(sample, self.temperature)
        return samples


def _calibrate(sample: Any, temperature: float) -> None:
    """Scale the scores of a classifier's sample; its prediction stays."""
    import torch

    if "pred_score" in sample:
        smallest = torch.finfo(torch.float32).tiny
        logits = sample.pred_score.float().clamp_min(smallest).log()
        sample.set_pred_score((logits / temperature).softmax(0))


def _reading_threads() -> int:
    """Return the number of threads that decode images: the CPUs that this process may use, or 4."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(4, len(affinity(0)) if affinity else os.cpu_count() or 1)


def _check(
    images: Images, out: str | os.PathLike[str] | None, score_thr: float, batch_size: int
) -> list[Source]:
    """Return the sources of ``images``, without the pictures that an earlier run wrote."""
    if not 0 <= score_thr <= 1:
        raise UserError(f"score_thr must be between 0 and 1, not {score_thr}.")
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, not {batch_size}.")
    return find_sources(images, skip=None if out is None else os.path.join(out, "pictures"))
