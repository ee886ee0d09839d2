"""A metric that writes the class scores of a test to a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmresnet.datasets.class_scores import ClassScores, names_below, save
from mmresnet.errors import UserError
from mmresnet.registry import METRICS


@METRICS.register_module()
class DumpScores(BaseMetric):
    """Write the scores of all images, each once, in the order of the data set.

    Samples are recognized by ``sample_idx``, so that those which several processes computed twice,
    to have equally many, are written once.

    Args:
        out_file: The ``.npz`` file; :func:`mmresnet.datasets.class_scores.save` has its content.
        test: What identifies the test, see :class:`mmresnet.datasets.class_scores.ClassScores`.

    Raises:
        UserError: In ``process``, a sample has no index or no scores; in ``evaluate``, an image of
            the set was not tested.
    """

    default_prefix = "scores"

    def __init__(self, out_file: str, test: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.out_file, self.test = out_file, dict(test or {})
        self._size = 0

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep index, path, scores and label of each sample."""
        for sample in data_samples:
            for key, remedy in (
                ("sample_idx", "let the meta_keys of PackInputs include it"),
                ("pred_score", "scores are written for classifiers alone"),
            ):
                if sample.get(key) is None:
                    raise UserError(f"The predictions have no '{key}': {remedy}.")
            label = sample.get("gt_label")
            self.results.append(
                (
                    int(sample["sample_idx"]),
                    sample.get("img_path"),
                    sample["pred_score"].float().cpu().numpy(),
                    int(label) if label is not None and label.numel() == 1 else None,
                )
            )

    def evaluate(self, size: int) -> dict[str, Any]:
        """Collect the samples of all processes, and write the file in the first one."""
        self._size = size
        metrics: dict[str, Any] = super().evaluate(size)
        return metrics

    def compute_metrics(self, results: Sequence[tuple[Any, ...]]) -> dict[str, float]:
        """Write the file; there is no metric."""
        by_index = {row[0]: row for row in results}
        if sorted(by_index) != list(range(self._size)):
            raise UserError(
                f"{self.out_file} is not written: {len(by_index):,} of {self._size:,} images were "
                "tested. Use the sampler DefaultSampler with shuffle=False in test_dataloader."
            )
        rows = [by_index[index] for index in range(self._size)]
        paths, labels = [row[1] for row in rows], [row[3] for row in rows]
        scores = np.stack([row[2] for row in rows])
        names = names_below(paths) if all(paths) else [str(row[0]) for row in rows]
        classes = (self.dataset_meta or {}).get("classes") or range(scores.shape[1])
        found = ClassScores(
            scores,
            names,
            [str(name) for name in classes],
            None if None in labels else np.array(labels),
            self.test,
        )
        save(self.out_file, found)
        print_log(f"Wrote the class scores of {len(rows):,} images to {self.out_file}.", "current")
        return {}
