"""Each operator on a GPU, through ``mmcv.ops``: forward and backward agree with the CPU."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch
from torch import Tensor, distributed

import mmresnet.ops

mmresnet.ops.install()
import mmcv.ops  # noqa: E402  needs the operators
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction  # noqa: E402

from mmresnet.ops.table import PROVIDED, operator  # noqa: E402

pytestmark = pytest.mark.skipif(
    mmresnet.ops.has_compiled_operators(), reason="mmcv's own operators are in use"
)
# others read numbers of the device: NMS how many boxes it keeps, RoIPool the bins
NOT_WAITING = (
    *("roi_align-avg", "roi_align-avg-channels_last", "bbox_overlaps", "bbox_overlaps-iof-aligned"),
    *("sigmoid_focal_loss", "softmax_focal_loss"),
)
TOLERANCES = {  # relative and absolute
    torch.float32: (1e-4, 1e-4),
    torch.float16: (2e-3, 2e-3),
    torch.bfloat16: (2e-2, 1e-2),
}
Case = Callable[..., tuple[Tensor, ...]]
CASES: dict[str, tuple[Case, tuple]] = {}


def case(name: str, *arguments: object) -> Callable[[Case], Case]:
    """Add a function: ``case(draw, *arguments)`` calls an operator and returns its results.

    ``draw`` is a :class:`Draw`, which gives the same numbers on each device.
    """

    def add(function: Case) -> Case:
        CASES[name] = (function, arguments)
        return function

    return add


class Draw:
    """Random tensors that are the same on all devices.

    Args:
        device: Where they are.
        dtype: Of feature maps and logits.
        drawn: Tensors that another one drew, to return again without copying to the device.
    """

    def __init__(self, device: str, dtype: torch.dtype, drawn: Iterable[Tensor] = ()) -> None:
        self.device, self.dtype = device, dtype
        self.generator = torch.Generator().manual_seed(0)
        self.again = iter(drawn)
        self.drawn: list[Tensor] = []

    def normal(self, *shape: int) -> Tensor:
        """Return feature maps, logits or weights, whose gradient is wanted."""
        return self._next(torch.randn, shape, self.dtype).requires_grad_()

    def uniform(self, *shape: int) -> Tensor:
        """Return float32 numbers from 0 to 1."""
        return self._next(torch.rand, shape, torch.float32)

    def _next(self, draw: Callable[..., Tensor], shape: tuple, dtype: torch.dtype) -> Tensor:
        tensor = next(self.again, None)
        if tensor is None:
            tensor = draw(shape, generator=self.generator).to(self.device, dtype)
        self.drawn.append(tensor)
        return tensor

    def boxes(self, count: int, size: float = 30) -> Tensor:
        """Return boxes (x1, y1, x2, y2) that overlap often and reach over the border."""
        low = size * self.uniform(count, 2) - size / 6
        return torch.cat([low, low + size / 1.5 * self.uniform(count, 2)], 1)

    def rois(self, count: int) -> Tensor:
        """Return boxes in two images."""
        image = torch.arange(count, device=self.device)[:, None] % 2
        return torch.cat([image, self.boxes(count)], 1)

    def gradients(self, output: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the output, and the gradients of the inputs for a random one of the output."""
        gradient = self.normal(*output.shape).detach().to(output.dtype)
        return output.detach(), *torch.autograd.grad(output, inputs, gradient)


@case("roi_align-avg", "avg", torch.contiguous_format)
@case("roi_align-avg-channels_last", "avg", torch.channels_last)
@case("roi_align-max", "max", torch.contiguous_format)
def roi_align(draw: Draw, mode: str, order: torch.memory_format) -> tuple[Tensor, ...]:
    features = draw.normal(2, 8, 16, 20)
    ordered = features.contiguous(memory_format=order)
    output = mmcv.ops.roi_align(ordered, draw.rois(40), 7, 0.5, 0, mode, True)
    return draw.gradients(output, features)


@case("roi_pool")
def roi_pool(draw: Draw) -> tuple[Tensor, ...]:
    features = draw.normal(2, 8, 16, 20)
    return draw.gradients(mmcv.ops.roi_pool(features, draw.rois(20), 3, 0.5), features)


@case("nms", mmcv.ops.nms, {})
@case("nms-offset", mmcv.ops.nms, {"offset": 1})
@case("soft_nms", mmcv.ops.soft_nms, {"method": "gaussian", "min_score": 0.05})
def suppress(draw: Draw, function: Callable, options: dict) -> tuple[Tensor, ...]:
    boxes, scores = draw.boxes(200), draw.uniform(200)
    return function(boxes, scores, 0.5, **options)


@case("batched_nms", "nms")
@case("batched_soft_nms", "soft_nms")
def batched(draw: Draw, kind: str) -> tuple[Tensor, ...]:
    boxes, scores = draw.boxes(200), draw.uniform(200)
    classes = torch.arange(200, device=draw.device) % 3
    return mmcv.ops.batched_nms(boxes, scores, classes, dict(type=kind, iou_threshold=0.5))


@case("nms_match")
def nms_match(draw: Draw) -> tuple[Tensor, ...]:
    rows = torch.cat([draw.boxes(100), draw.uniform(100)[:, None]], 1)
    return tuple(mmcv.ops.nms_match(rows, 0.5))


@case("bbox_overlaps", "iou", False)
@case("bbox_overlaps-iof-aligned", "iof", True)
def bbox_overlaps(draw: Draw, mode: str, aligned: bool) -> tuple[Tensor, ...]:
    return (mmcv.ops.bbox_overlaps(draw.boxes(40), draw.boxes(40), mode, aligned),)


@case("sigmoid_focal_loss", mmcv.ops.sigmoid_focal_loss)
@case("softmax_focal_loss", mmcv.ops.softmax_focal_loss)
def focal_loss(draw: Draw, function: Callable) -> tuple[Tensor, ...]:
    logits, weight = draw.normal(40, 5), draw.uniform(5)
    target = torch.arange(40, device=draw.device) % 5
    return draw.gradients(function(logits, target, 2.0, 0.25, weight.to(logits), "sum"), logits)


@case("deform_conv")
def deform_conv(draw: Draw) -> tuple[Tensor, ...]:
    maps, offset, weight = (
        draw.normal(2, 4, 9, 8),
        draw.normal(2, 36, 5, 4),
        draw.normal(6, 2, 3, 3),
    )
    output = mmcv.ops.deform_conv2d(maps, offset, weight, 2, 1, 1, 2, 2)
    return draw.gradients(output, maps, offset, weight)


@case("modulated_deform_conv")
def modulated_deform_conv(draw: Draw) -> tuple[Tensor, ...]:
    shapes = ((2, 4, 9, 8), (2, 36, 9, 8), (2, 18, 9, 8), (6, 2, 3, 3), (6,))
    tensors = [draw.normal(*shape) for shape in shapes]
    output = mmcv.ops.modulated_deform_conv2d(*tensors, 1, 1, 1, 2, 2)
    return draw.gradients(output, *tensors)


@case("attention")
def attention(draw: Draw) -> tuple[Tensor, ...]:
    shapes = torch.tensor([[4, 5], [2, 3]], device=draw.device)
    starts = torch.tensor([0, 20], device=draw.device)
    value = draw.normal(2, 26, 2, 3)
    points, weights = draw.uniform(2, 4, 2, 2, 2, 2), draw.uniform(2, 4, 2, 2, 2)
    inputs = (value, points.requires_grad_(), weights.requires_grad_())
    output = MultiScaleDeformableAttnFunction.apply(value, shapes, starts, points, weights, 64)
    return draw.gradients(output, *inputs)


@case("sync_bn")
def sync_bn(draw: Draw) -> tuple[Tensor, ...]:
    layer = mmcv.ops.SyncBatchNorm(6).to(draw.device)
    with torch.no_grad():
        layer.weight.copy_(draw.uniform(6))
    maps = draw.normal(4, 6, 5, 3)
    results = draw.gradients(layer(maps), maps, layer.weight, layer.bias)
    return *results, layer.running_mean, layer.running_var


@pytest.fixture(scope="module", autouse=True)
def process_group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A process group of this process, for SyncBatchNorm."""
    store = tmp_path_factory.mktemp("group") / "store"
    distributed.init_process_group("gloo", f"file://{store}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def results(name: str, device: str, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    function, arguments = CASES[name]
    return function(Draw(device, dtype), *arguments)


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        (name, dtype)
        for name in CASES
        for dtype in TOLERANCES
        if (name, dtype) != ("sync_bn", torch.bfloat16)  # which mmcv's layer does not take
    ],
    ids=str,
)
def test_an_operator_agrees_with_the_cpu(name: str, dtype: torch.dtype, device: str) -> None:
    """Sums are in another order there, and 16-bit numbers may be rounded to the next."""
    expected, found = results(name, "cpu", dtype), results(name, device, dtype)
    rtol, atol = TOLERANCES[dtype]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.device.type == device
        torch.testing.assert_close(ours.cpu(), theirs, rtol=rtol, atol=atol)


@contextlib.contextmanager
def error_if_the_host_waits(device: str) -> Iterator[None]:
    """Let CUDA raise where the host waits for the GPU; a CPU cannot be waited for."""
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize("name", NOT_WAITING)
def test_an_operator_does_not_wait_for_the_device(name: str, device: str) -> None:
    function, arguments = CASES[name]
    first = Draw(device, torch.float32)
    function(first, *arguments)
    with error_if_the_host_waits(device):
        function(Draw(device, torch.float32, first.drawn), *arguments)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["roi_align-avg", "roi_align-avg-channels_last"])
def test_roi_align_is_deterministic_where_that_is_asked_for(name: str, device: str) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        once, again = results(name, device), results(name, device)
    finally:
        torch.use_deterministic_algorithms(before)
    torch.testing.assert_close(once, again, rtol=0, atol=0)
    torch.testing.assert_close(once, results(name, "cpu"), rtol=1e-4, atol=1e-4, check_device=False)


def test_each_operator_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    called = set()
    extension = sys.modules["mmcv._ext"]
    with_tensors = {name for name, home in PROVIDED.items() if not home.startswith("info:")}
    for name in with_tensors:

        def spy(*arguments: object, _name: str = name, **keywords: object) -> object:
            called.add(_name)
            return operator(_name)(*arguments, **keywords)

        monkeypatch.setattr(extension, name, spy)
    for name in CASES:
        results(name, "cpu")
    assert with_tensors - called == set()
