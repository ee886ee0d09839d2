"""The names of a ResNet's tensors: one table for each publisher, each readable both ways.

A tensor's *role* is what it is in the net, whoever wrote the file: ``stem0.conv.weight``,
``stage2.0.norm1.bias``, ``stage2.0.shortcut.conv.weight``, ``head.weight``. A table pairs roles
with names. In both, a field in braces stands for a number or a word, and the same field has the
same value on both sides, up to what is added to it (``{s+1}``) or the letter that stands for it
(``{c:abc}``):

====  ==================================================================================
``s``  stage, from 1
``b``  block of the stage, from 0
``c``  convolution of the block, from 1
``i``  convolution of a deep stem, from 0
``n``  kind of norm layer, as mmcv abbreviates it: bn, gn, …
``k``  place of the shortcut's convolution: 1 behind a pool, as in ResNet-D, otherwise 0
====  ==================================================================================
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

_FIELD = re.compile(r"\{(\w)([+-]\d)?(?::(\w+))?\}")
_WORDS = {"n": "bn|gn|in|ln"}
_PARAMETERS = {
    "conv": ("weight",),
    "norm": ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
    "head": ("weight", "bias"),
}


@dataclass(frozen=True)
class Net:
    """What decides the names of a net's tensors, beside their roles."""

    deep: bool  # three convolutions in the stem: ResNet-C and -D
    avg_down: bool  # a pool before the shortcut's convolution: ResNet-D
    norm: str = "bn"


@dataclass(frozen=True)
class Row:
    """One line of a table: modules with the role ``role`` have the name ``name``."""

    role: str
    name: str
    deep: bool | None = None  # in nets with this kind of stem only


@dataclass(frozen=True)
class Layout:
    """The names of one publisher.

    Attributes:
        name: Of the layout, in this package.
        rows: The table of the backbone.
        prefix: What stands before each name of the backbone.
        head: The classifier's name, which has no prefix.
        marks: Prefixes of other names in such files, which distinguish similar layouts.
        pooled_at_stride_1: The shortcuts of ResNet-D keep a place for the pool also where there is
            none to do, in stage 1.
        parameters: Endings of the names of parameters, where they are not torch's.
        style: In which convolution of a bottleneck the stride is, if all its files agree.
        frozen_norm: Norm layers may be a scale and a bias that include their statistics.
        avg_down: Its publisher's code has the pool of ResNet-D before the shortcut's convolution.
    """

    name: str
    rows: tuple[Row, ...]
    prefix: str = ""
    head: str = "fc"
    marks: tuple[str, ...] = ()
    pooled_at_stride_1: bool = False
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    style: str | None = None
    frozen_norm: bool = False
    avg_down: bool = False

    def role_of(self, name: str, ndim: int, deep: bool) -> tuple[str, int | None] | None:
        """Return the role of the tensor ``name`` (without prefix) and its place ``k``, if any.

        ``ndim`` tells a convolution from a norm layer where their names do not, and ``deep``, the
        kind of the stem, what timm's ``bn1`` is.
        """
        for row, pattern, kind in self._patterns:
            found = row.deep in (None, deep) and pattern.fullmatch(name)
            if found and (kind == "conv") == (ndim > 1):
                values = found.groupdict()
                parameter = self._endings(kind)[values.pop("ending")]
                fields = _numbers(row.name, values)
                return f"{_fill(row.role, fields)}.{parameter}", fields.get("k")
        return None

    def name_of(self, role: str, net: Net) -> str | None:
        """Return the name, without prefix, of the backbone's tensor with this role, if it has one.

        ``layout.role_of(layout.name_of(role, net), ndim, net.deep)`` is the role again.
        """
        module, _, parameter = role.rpartition(".")
        for row in self.rows:
            values = _parse(row.role, module)
            if values is not None and row.deep in (None, net.deep):
                pooled = net.avg_down and (self.pooled_at_stride_1 or values.get("s") != 1)
                name = _fill(row.name, {**values, "k": int(pooled)}, net.norm)
                for ending, known in self._endings(_kind(row.role)).items():
                    if known == parameter:
                        return name + ending
        return None

    @property
    def stems(self) -> tuple[bool, ...]:
        """The kinds of stem that it has names for: deep or not."""
        return tuple(dict.fromkeys(row.deep for row in self.rows if row.deep is not None))

    def head_names(self) -> dict[str, str]:
        """Return the names of the classifier's tensors by their roles."""
        return {f"head.{known}": self.head + end for end, known in self._endings("head").items()}

    def _endings(self, kind: str) -> dict[str, str]:
        return self.parameters.get(kind) or {f".{name}": name for name in _PARAMETERS[kind]}

    @cached_property
    def _patterns(self) -> list[tuple[Row, re.Pattern[str], str]]:
        made = []
        for row in self.rows:
            kind = _kind(row.role)
            endings = "|".join(re.escape(ending) for ending in self._endings(kind))
            made.append((row, re.compile(f"{_pattern(row.name)}(?P<ending>{endings})"), kind))
        return made


def _kind(role: str) -> str:
    return "norm" if "norm" in role else "conv"


def _pattern(template: str) -> str:
    """Return the regular expression of a template; a field that comes twice is read once."""
    parts, end, seen = [], 0, set()
    for found in _FIELD.finditer(template):
        name, _, letters = found.groups()
        what = _WORDS.get(name, r"\d+") if letters is None else f"[{letters}]"
        group = f"(?:{what})" if name in seen else f"(?P<{name}>{what})"
        seen.add(name)
        parts += [re.escape(template[end : found.start()]), group]
        end = found.end()
    return "".join([*parts, re.escape(template[end:])])


def _numbers(template: str, values: dict[str, str]) -> dict[str, int]:
    """Turn what was read at the numeric fields of ``template`` into the fields' own values."""
    numbers: dict[str, int] = {}
    for name, shift, letters in _FIELD.findall(template):
        if name in values and name not in numbers and name not in _WORDS:
            text = values[name]
            numbers[name] = letters.index(text) + 1 if letters else int(text) - int(shift or 0)
    return numbers


def _parse(template: str, text: str) -> dict[str, int] | None:
    found = re.fullmatch(_pattern(template), text)
    return _numbers(template, found.groupdict()) if found else None


def _fill(template: str, numbers: dict[str, int], norm: str = "") -> str:
    def put(found: re.Match[str]) -> str:
        name, shift, letters = found.groups(default="")
        if name == "n":
            return norm
        number = numbers[name]
        return letters[number - 1] if letters else str(number + int(shift or 0))

    return _FIELD.sub(put, template)


_PLAIN_STEM = (Row("stem0.conv", "conv1", deep=False), Row("stem0.norm", "{n}1", deep=False))
_STAGES = (
    Row("stage{s}.{b}.conv{c}", "layer{s}.{b}.conv{c}"),
    Row("stage{s}.{b}.norm{c}", "layer{s}.{b}.{n}{c}"),
    Row("stage{s}.{b}.shortcut.conv", "layer{s}.{b}.downsample.{k}"),
    Row("stage{s}.{b}.shortcut.norm", "layer{s}.{b}.downsample.{k+1}"),
)


def _counted_stem(stem: str, norms: Iterable[str]) -> tuple[Row, ...]:
    """Return the rows of a deep stem that is a Sequential of convolution, norm layer, ReLU."""
    return tuple(
        Row(f"stem{number}.{part}", name, deep=True)
        for number, norm in enumerate(norms)
        for part, name in (("conv", f"{stem}.{3 * number}"), ("norm", norm))
    )


_NAMED_STEM = (
    Row("stem{i}.conv", "stem.{i}.conv", deep=True),
    Row("stem{i}.norm", "stem.{i}.{n}", deep=True),
)
_OPENMMLAB_STEM = _counted_stem("stem", ("stem.1", "stem.4", "stem.7"))
_CAFFE2_NORM = {
    "_bn_s": "weight",
    "_bn_b": "bias",
    "_bn_rm": "running_mean",
    "_bn_riv": "running_var",
}

# mmresnet's own names: those of mmpretrain.
MMPRETRAIN = Layout(
    "mmpretrain",
    (*_PLAIN_STEM, *_NAMED_STEM, *_STAGES),
    prefix="backbone.",
    head="head.fc",
    avg_down=True,
)
TORCHVISION = Layout("torchvision", (*_PLAIN_STEM, *_STAGES))
CIFAR = Layout("cifar", (*_PLAIN_STEM, *_STAGES), head="linear")  # pytorch_resnet_cifar10
TIMM = Layout(
    "timm",
    (*_PLAIN_STEM, *_counted_stem("conv1", ("conv1.1", "conv1.4", "bn1")), *_STAGES),
    pooled_at_stride_1=True,
    avg_down=True,
)
MMDET = Layout(
    "mmdet",
    (*_PLAIN_STEM, *_OPENMMLAB_STEM, *_STAGES),
    marks=("rpn_head.", "roi_head.", "bbox_head.", "neck.", "mask_head."),
    pooled_at_stride_1=True,
    avg_down=True,
)
MMSEG = Layout(
    "mmseg",
    (*_PLAIN_STEM, *_OPENMMLAB_STEM, *_STAGES),
    marks=("decode_head.", "auxiliary_head."),
    pooled_at_stride_1=True,
    avg_down=True,
)
DETECTRON2 = Layout(
    "detectron2",
    (
        Row("stem0.conv", "stem.conv1", deep=False),
        Row("stem0.norm", "stem.conv1.norm", deep=False),
        Row("stem{i}.conv", "stem.conv{i+1}", deep=True),
        Row("stem{i}.norm", "stem.conv{i+1}.norm", deep=True),
        Row("stage{s}.{b}.conv{c}", "res{s+1}.{b}.conv{c}"),
        Row("stage{s}.{b}.norm{c}", "res{s+1}.{b}.conv{c}.norm"),
        Row("stage{s}.{b}.shortcut.conv", "res{s+1}.{b}.shortcut"),
        Row("stage{s}.{b}.shortcut.norm", "res{s+1}.{b}.shortcut.norm"),
    ),
    head="stem.fc",
    frozen_norm=True,
)
CAFFE2 = Layout(  # MSRA's models, in the files that Detectron and detectron2 publish
    "caffe2",
    (
        Row("stem0.conv", "conv1", deep=False),
        Row("stem0.norm", "res_conv1", deep=False),
        Row("stage{s}.{b}.conv{c}", "res{s+1}_{b}_branch2{c:abc}"),
        Row("stage{s}.{b}.norm{c}", "res{s+1}_{b}_branch2{c:abc}"),
        Row("stage{s}.{b}.shortcut.conv", "res{s+1}_{b}_branch1"),
        Row("stage{s}.{b}.shortcut.norm", "res{s+1}_{b}_branch1"),
    ),
    head="fc1000",
    parameters={
        "conv": {"_w": "weight"},
        "norm": _CAFFE2_NORM,
        "head": {"_w": "weight", "_b": "bias"},
    },
    style="caffe",
    frozen_norm=True,
)
HUGGING_FACE = Layout(
    "hf",
    (
        Row("stem0.conv", "embedder.embedder.convolution", deep=False),
        Row("stem0.norm", "embedder.embedder.normalization", deep=False),
        Row("stage{s}.{b}.conv{c}", "encoder.stages.{s-1}.layers.{b}.layer.{c-1}.convolution"),
        Row("stage{s}.{b}.norm{c}", "encoder.stages.{s-1}.layers.{b}.layer.{c-1}.normalization"),
        Row("stage{s}.{b}.shortcut.conv", "encoder.stages.{s-1}.layers.{b}.shortcut.convolution"),
        Row("stage{s}.{b}.shortcut.norm", "encoder.stages.{s-1}.layers.{b}.shortcut.normalization"),
    ),
    prefix="resnet.",
    head="classifier.1",
)

# In the order of preference where a file's names fit several equally well.
LAYOUTS = {
    layout.name: layout
    for layout in (
        TORCHVISION,
        MMPRETRAIN,
        MMDET,
        MMSEG,
        TIMM,
        DETECTRON2,
        CAFFE2,
        HUGGING_FACE,
        CIFAR,
    )
}
