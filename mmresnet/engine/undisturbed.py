"""Computing something in between, so that what goes on around it does not notice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn


@contextmanager
def own_random_numbers(seed: int) -> Iterator[None]:
    """Draw random numbers from ``seed`` inside; outside they go on as if none had been drawn.

    It covers Python's, numpy's and torch's own generators, the latter on the CPU and on the
    current GPU.
    """
    states = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextmanager
def features_computed_once(model: nn.Module) -> Iterator[None]:
    """Let ``model.extract_feat(images)`` return what it computed before for equal images.

    It computes them anew if somebody has changed them in place meanwhile. A model without
    ``extract_feat`` is left as it is.
    """
    original = getattr(model, "extract_feat", None)
    if original is None:
        yield
        return
    known: list[tuple[Tensor, object, list[int]]] = []

    def extract_feat(images: Tensor, *args, **kwargs) -> object:
        plain = not args and not kwargs and isinstance(images, Tensor)
        if not plain:
            return original(images, *args, **kwargs)
        for seen, features, versions in known:
            if versions == _versions(features) and torch.equal(seen, images):
                return features
        features = original(images)
        versions = _versions(features)
        if versions is not None:
            known[:] = [(images, features, versions)]
        return features

    model.extract_feat = extract_feat
    try:
        yield
    finally:
        del model.extract_feat


def _versions(features: object) -> list[int] | None:
    """Return how often each tensor was changed in place, or None where that is not known."""
    if isinstance(features, Tensor):
        return None if features.is_inference() else [features._version]
    if not isinstance(features, (tuple, list)):
        return None
    counts = [_versions(part) for part in features]
    return None if None in counts else [count for part in counts for count in part]
