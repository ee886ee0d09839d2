"""What the time of a step is counted as: on traces made by hand, and of a small net on the CPU."""

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from mmresnet.engine.profiling.kinds import BACKWARD, HEAD, LOSS, OPTIMIZER, PREPROCESSING
from mmresnet.engine.profiling.shares import rows_of
from mmresnet.engine.profiling.trace import make_trace, read_trace

ENGINE = "autograd::engine::evaluate_function: "


def event(name, start, end, cat="cpu_op", tid=1, **args):
    duration = {"ts": start, "dur": end - start}
    return {"ph": "X", "cat": cat, "name": name, "tid": tid, "args": args, **duration}


def node(name, start, end, number):
    return event(ENGINE + name, start, end, **{"Sequence number": number})


def table(events, **options):
    """Return {row: (forward, backward, calls)}, the times in µs."""
    rows = rows_of(make_trace(events), **options)
    times = {row.kind.name: (row.forward * 1e3, row.backward * 1e3, row.calls) for row in rows}
    return {name: tuple(round(value, 6) for value in values) for name, values in times.items()}


STEP = [
    event("ProfilerStep#5", 0, 1000, "user_annotation"),
    event("enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__", 10, 60),
    event("aten::stack", 20, 40),  # a part of the input
    event(PREPROCESSING, 60, 80),
    event("aten::add", 65, 75),
    event("aten::conv2d", 100, 200),
    event("aten::to", 100, 130),  # autocast casts the weight
    event("aten::_to_copy", 105, 125),
    event("aten::convolution", 130, 200),
    event("aten::empty", 130, 140),
    event("aten::batch_norm", 200, 250),
    event("aten::copy_", 210, 220),
    event("aten::relu_", 250, 260),
    event("aten::add_", 260, 270),
    event(HEAD, 300, 400),
    event("aten::linear", 300, 320, **{"Sequence number": 6}),
    event("aten::sort", 320, 350, **{"Sequence number": 7}),
    event("RoIAlignFunction", 350, 360),
    event("aten::add", 352, 355),
    event(LOSS, 360, 390),
    event("aten::sub", 365, 380, **{"Sequence number": 8}),
    event(BACKWARD, 500, 800),
    node("SubBackward0", 510, 530, 8),
    event("aten::neg", 515, 525),
    node("SortBackward0", 530, 550, 7),
    event("aten::value_selecting_reduction_backward", 530, 550),
    node("ConvolutionBackward0", 560, 700, 3),
    event("aten::convolution_backward", 580, 700),
    event("c10d::allreduce_", 700, 710),
    event(OPTIMIZER, 800, 900),
    event("aten::_fused_sgd_", 810, 890),
    event("aten::empty", 900, 910),
    event("[memory]", 905, 906, "cpu_instant_event"),
    event("aten::add", 1010, 1020),  # after the step
]


def test_each_moment_of_a_step_counts_once():
    found = table(STEP)
    assert found == {
        "input: waiting for data": (50, 0, 1),
        "input: transfer, normalization": (20, 0, 1),
        "convolutions": (70, 120, 2),
        "normalization layers": (50, 0, 1),
        "ReLU": (10, 0, 1),
        "additions": (10, 0, 1),
        "RoIAlign": (10, 0, 1),
        "linear layers": (20, 0, 1),
        "copies, casts": (30, 0, 1),
        "heads, the rest": (30, 20, 2),
        "losses": (30, 20, 2),
        "optimizer": (100, 0, 1),
        "communication": (0, 10, 1),
        "other operators": (10, 0, 1),
        # before, between and after; in the head; of the backward pass and its node
        "Python, the rest": (10 + 20 + 30 + 100 + 90 + 10, 10 + 10 + 20 + 90, 0),
    }
    assert sum(forward + backward for forward, backward, _ in found.values()) == 1000


def test_several_processes_wait_at_the_end_of_the_backward_pass():
    found = table(STEP, several=True)
    assert found["communication"] == (0, 10 + 90, 1)
    assert found["Python, the rest"] == (260, 40, 0)


def kernel(name, start, end, number=-1, cat="kernel"):
    return event(name, start, end, cat, tid=7, correlation=number)


def launch(start, number, tid=1):
    return event("cudaLaunchKernel", start, start + 1, "cuda_runtime", tid, correlation=number)


def test_on_a_gpu_its_own_time_counts():
    """The GPU begins at 30, waits for data from 500 to 600, and communicates beside a kernel."""
    found = table(
        [
            event("ProfilerStep#5", 0, 500, "user_annotation"),
            event("ProfilerStep#6", 500, 1000, "user_annotation"),
            event("aten::conv2d", 10, 40),
            event("aten::to", 10, 15),
            launch(12, 1),
            event("aten::convolution", 15, 40),
            launch(20, 2),
            event("aten::sort", 40, 50),
            launch(42, 3),
            event(ENGINE + "ConvolutionBackward0", 60, 90, tid=2),
            event("aten::convolution_backward", 60, 80, tid=2),
            launch(70, 4, tid=2),
            event("nccl:all_reduce", 80, 85, tid=2),
            launch(82, 5, tid=2),
            event("enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__", 480, 600),
            kernel("elementwise", 30, 40, 1),
            kernel("implicit_gemm", 40, 140, 2),
            kernel("radix_sort", 140, 200, 3),
            kernel("wgrad", 200, 400, 4),
            kernel("ncclDevKernel_AllReduce", 350, 500, 5),
            kernel("Memset", 900, 1100, 99, "gpu_memset"),  # of an unknown launch, past the end
        ]
    )
    assert found == {
        "input: waiting for data": (50, 0, 0.5),
        "convolutions": (50, 100, 1),
        "copies, casts": (5, 0, 0.5),
        "communication": (0, 50, 0.5),
        "other operators": (30 + 50, 0, 0.5),
        "Python, the rest": (15 + 150, 0, 0),
    }
    assert sum(forward + backward for forward, backward, _ in found.values()) == 500


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)

    def forward(self, images):
        maps = torch.relu_(self.bn1(self.conv1(images)))
        maps = torch.relu_(self.bn2(self.conv2(maps)) + maps)
        return self.fc(nn.functional.max_pool2d(maps, 6).flatten(1))


def test_the_operators_of_a_net(tmp_path):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    images, labels = torch.rand(2, 3, 8, 8), torch.tensor([0, 1])
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for step in range(2):
            with record_function(f"ProfilerStep#{step}"):
                scores = net(images)
                with record_function(LOSS):
                    loss = nn.functional.cross_entropy(scores, labels)
                with record_function(BACKWARD):
                    loss.backward()
                optimizer.step()
    path = tmp_path / "trace.json.gz"
    profiler.export_chrome_trace(str(path))
    trace = read_trace(path)
    rows = rows_of(trace)
    calls = {row.kind.name: row.calls for row in rows}
    assert calls["convolutions"] == calls["normalization layers"] == calls["ReLU"] == 4
    assert calls["linear layers"] == 3  # two products in the backward pass
    assert calls["pooling"] == 2
    assert calls["losses"] == 1 + 2  # NllLossBackward, LogSoftmaxBackward
    assert calls["optimizer"] == 1
    assert all(row.backward > 0 for row in rows if row.kind.name in ("convolutions", "losses"))
    whole = sum(step.end - step.start for step in trace.steps)
    assert sum(row.total for row in rows) * 2e3 == pytest.approx(whole)
    # torch's own sum of what each event takes without those inside it
    theirs = sum(one.self_cpu_time_total for one in profiler.key_averages())
    assert whole == pytest.approx(theirs, rel=1e-3)
