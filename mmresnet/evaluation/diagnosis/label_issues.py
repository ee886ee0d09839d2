"""Images whose label is probably wrong, by confident learning (Northcutt et al. 2021)."""

from __future__ import annotations

import numpy as np

from mmresnet.errors import MissingPackageError


def find_label_issues(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the indices of images that look mislabelled, the least likely label first, (M,) int64.

    How many images of a class belong to which other one is estimated from the scores that exceed
    the mean score of the other class in its own images. So many are returned of each pair of
    classes, those with the largest difference between both scores.

    Args:
        scores: (N, C), of a net that was not trained on these images.
        labels: (N,).

    Raises:
        MissingPackageError: cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues as ranked
    except ImportError as error:
        raise MissingPackageError(
            "Finding wrong labels needs the package 'cleanlab', which is not installed: "
            'pip install "mmresnet[report]".'
        ) from error
    present = np.unique(labels)
    if len(present) < 2:
        return np.empty(0, np.int64)
    # cleanlab wants an image of every class
    among = scores[:, present].astype(np.float64) + 1e-9
    among /= among.sum(axis=1, keepdims=True)
    found = ranked(
        np.searchsorted(present, labels),
        among,
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    return np.asarray(found, np.int64)
