"""One model in a process of its own: answers requests of exported.py, each a line of JSON.

python benchmarks/_exported_process.py exported FOLDER
python benchmarks/_exported_process.py eager FOLDER      # PyTorch, the model that FOLDER is of
python benchmarks/_exported_process.py inferencer FOLDER # the same as `mmresnet infer` runs it
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mmresnet.export.folder import open_export
from mmresnet.memory import peak_memory

Predict = Callable[[np.ndarray], Any]


def exported(folder: str) -> Predict:
    """Return what run.py runs, with nothing imported that run.py does not import."""
    predict: Predict = open_export(folder).runner.load()
    return predict


def task_of(folder: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the config of the model that a folder is of, and its ``Task``."""
    from mmresnet.engine.assembly import prepare
    from mmresnet.export.export import load_task

    model = open_export(folder).report["model"]
    cfg = prepare(model["config"], {**model["cfg_options"], **options})
    return cfg, load_task(cfg, model["checkpoint"])[0]


def eager(folder: str) -> Predict:
    """Return PyTorch's model in float32."""
    from mmresnet.engine.assembly import load_model, prepare
    from mmresnet.weights.checkpoint import read

    model = open_export(folder).report["model"]
    cfg = prepare(model["config"], model["cfg_options"])
    return _stepper(load_model(cfg, read(model["checkpoint"]), "cpu"))


def inferencer(folder: str) -> Predict:
    """Return the model as ``mmresnet infer`` runs it by default."""
    from mmresnet.apis import Inferencer

    model = open_export(folder).report["model"]
    one = Inferencer(
        model["config"], model["checkpoint"], device="cpu", cfg_options=model["cfg_options"]
    )
    return _stepper(one.model, one._autocast)


def _stepper(model: Any, autocast: Any = None) -> Predict:
    """Return a function from images (N, H, W, 3) uint8 in BGR to what an exported model returns."""
    import contextlib

    import torch

    is_detector = not hasattr(model, "head")

    def predict(images: np.ndarray) -> list[np.ndarray]:
        inputs = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        samples = _detection_samples(images) if is_detector else None
        with torch.inference_mode(), autocast or contextlib.nullcontext():
            found = model.test_step({"inputs": inputs, "data_samples": samples})
        if not is_detector:
            return [torch.stack([sample.pred_score for sample in found]).numpy()]
        boxes = found[0].pred_instances
        return [boxes.bboxes.numpy(), boxes.scores.numpy(), boxes.labels.numpy()]

    return predict


def _detection_samples(images: np.ndarray) -> list[Any]:
    from mmdet.structures import DetDataSample

    size = images.shape[1:3]
    info = {"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0)}
    return [DetDataSample(metainfo=info) for _ in images]


class Model:
    """What the requests are answered with: a method for each."""

    def __init__(self, kind: str, folder: str) -> None:
        self.folder = folder
        begin = time.perf_counter()
        self.predict = KINDS[kind](folder)
        self.seconds = time.perf_counter() - begin

    def load(self) -> float:
        """Return the seconds that loading took, with imports."""
        return self.seconds

    def times(self, images: str, batch: int, calls: int) -> list[float]:
        """Return the seconds of each call on images of an .npy file, of which the first counts."""
        (image,) = np.load(images)[:1]
        inputs = np.tile(image, (batch, 1, 1, 1))
        seconds = []
        for _ in range(calls):
            begin = time.perf_counter()
            self.predict(inputs)
            seconds.append(time.perf_counter() - begin)
        return seconds

    def memory(self) -> float:
        """Return the largest memory so far in MB, with libraries."""
        return peak_memory()

    def accuracy(self, number: int, options: dict[str, Any]) -> list[Any]:
        """Return top-1 or AP in percent, None where nothing is labelled, and on what it is."""
        from mmresnet.export.samples import find_samples

        cfg, task = task_of(self.folder, options)
        samples = find_samples(cfg, task.preparation, [], number)
        return [task.accuracy(self.predict, samples), samples.source, len(samples.images)]


KINDS: dict[str, Callable[[str], Predict]] = {
    "exported": exported,
    "eager": eager,
    "inferencer": inferencer,
}


def main() -> None:
    """Answer until the input ends."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        model = Model(*sys.argv[1:])
        for line in sys.stdin:
            name, arguments = json.loads(line)
            print(json.dumps(getattr(model, name)(**arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
