"""Reading a checkpoint by path, address or name; what is known of its training."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmresnet.errors import UserError, UserFileNotFoundError
from mmresnet.weights.hub.preprocessing import Preprocessing
from mmresnet.weights.names.recognise import wrapped_state_dicts

if TYPE_CHECKING:
    from torch import device

SCHEMES = (
    "http://",
    "https://",
    "torchvision://",
    "modelzoo://",
    "open-mmlab://",
    "openmmlab://",
    "mmcls://",
    "mmpretrain://",
    "detectron2://",
    "akamaster://",
    "timm://",
    "hf://",
)
_METADATA_KEY = "mmresnet.origin"  # beside the modules' own metadata in a state dict's _metadata


@dataclass(frozen=True)
class Origin:
    """The file or name that weights were read from, and what is known of its training."""

    source: str = ""
    preprocessing: Preprocessing | None = None
    style: str | None = None
    recipe: str = ""


def read(
    source: str | os.PathLike[str], map_location: str | device = "cpu"
) -> OrderedDict[str, Any]:
    """Return what a file of weights holds; :func:`origin_of` gives where it is from.

    Args:
        source: A path, also of a folder that a sharded training has saved; an http(s) address; or
            a name: ``torchvision://resnet50``, ``open-mmlab://resnet50_v1c``,
            ``timm://resnet50d.ra2_in1k``, ``hf://org/name``.

    Raises:
        FileNotFoundError: There is no such file.
        UserError: It cannot be downloaded, or is not a file of weights.
    """
    from mmresnet.weights.formats.files import read_weights  # only who reads a file waits for these

    source = os.fspath(source)
    path = Path(source).expanduser()
    if source.startswith(SCHEMES):
        from mmresnet.weights.hub import download

        path = download.fetch(source)
    elif not path.is_file():
        if path.is_dir():
            from mmresnet.weights.formats import sharded

            if sharded.is_sharded(path):
                return with_origin(sharded.read_sharded(path, map_location), Origin(source))
            raise UserError(f"'{source}' is a folder: name the file of weights in it.")
        raise UserFileNotFoundError(f"There is no file of weights '{source}'.")
    return with_origin(read_weights(path, map_location), _find_origin(source, path))


def read_head(source: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return the same, but of a folder of shards with names in the place of these tensors."""
    if not os.path.isdir(source):
        return read(source)
    from mmresnet.weights.formats import sharded

    return sharded.read_state(source)


def _find_origin(source: str, path: Path) -> Origin:
    """Return what the catalogue, or settings beside the file, give on the file at ``path``."""
    from mmresnet.weights.hub import catalogue
    from mmresnet.weights.hub.download import digest
    from mmresnet.weights.hub.settings import preprocessing_beside

    entry = catalogue.find(source) or catalogue.find(path.name)
    if entry is None or not digest(path).startswith(entry.sha256):  # another file of its name
        return Origin(source, preprocessing_beside(path))
    return Origin(source, entry.preprocessing, entry.style, entry.recipe)


def with_origin(content: Mapping[str, Any], origin: Origin) -> OrderedDict[str, Any]:
    """Note the origin in the metadata that torch keeps with a state dict, and mmengine passes on.

    It is noted as plain values, so that whoever saves the state dict again saves no class of ours.
    """
    noted = OrderedDict(content)
    metadata = getattr(content, "_metadata", None) or {}
    vars(noted)["_metadata"] = OrderedDict(metadata, **{_METADATA_KEY: asdict(origin)})
    for name, inner in wrapped_state_dicts(content).items():
        noted[name] = with_origin(inner, origin)
    return noted


def origin_of(content: Mapping[str, Any]) -> Origin:
    """Return where a checkpoint or a state dict was read from, as far as it is known."""
    noted = dict((getattr(content, "_metadata", None) or {}).get(_METADATA_KEY, {}))
    if noted.get("preprocessing"):
        noted["preprocessing"] = Preprocessing(**noted["preprocessing"])
    return Origin(**noted)


def trained_classes(checkpoint: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the classes that a checkpoint of mmengine's or of mmcv 1 gives, if it does."""
    meta = checkpoint.get("meta")
    if not isinstance(meta, dict):
        return None
    given = meta.get("dataset_meta") or meta
    classes = given.get("classes") or given.get("CLASSES")
    return tuple(classes) if isinstance(classes, (tuple, list)) else None
