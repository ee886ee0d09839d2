"""The order of many processes has its properties, and the model of a step its limits."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"

pytest.importorskip("torch")


@pytest.fixture
def load(monkeypatch):
    """``load(name)`` imports ``benchmarks/<name>.py`` as the scripts import one another."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


@pytest.mark.parametrize("sampler", [0, 1], ids=["folders", "shards"])
@pytest.mark.parametrize("ranks, others", [(1, 8), (8, 1), (64, 8), (300, 64)])
def test_every_image_is_taken_once(load, ranks, others, sampler):
    size, batch, module = 20_011, 4, load("_scale_ranks")
    kind = module.SAMPLERS[sampler]
    found = module.epoch_of(kind, size, ranks, others, batch, round_up=False)
    assert found.shares[1] - found.shares[0] == (size % ranks > 0)
    assert found.shares[1] == -(-size // ranks)
    assert (found.never, found.twice, found.differs, found.missed) == (0, 0, 0, 0)
    done = -(-size // ranks // batch) // 2 * batch * ranks
    assert found.again == done % (others * batch)  # a whole step of the others begins there


def test_equal_shares_take_a_few_images_twice(load):
    module = load("_scale_ranks")
    found = module.epoch_of(module.SAMPLERS[0], 20_011, 64, 8, 4, round_up=True)
    assert found.shares == (313, 313)
    assert (found.never, found.twice) == (0, 64 * 313 - 20_011)
    assert found.missed == found.differs == 0


def test_a_faulty_order_is_noticed(load, monkeypatch):
    module = load("_scale_ranks")
    right = module.batches
    monkeypatch.setattr(module, "batches", lambda loader: iter(list(right(loader))[1:]))
    found = module.epoch_of(module.SAMPLERS[0], 2_011, 8, 4, 4, round_up=False)
    assert found.never == 8 * 4
    assert found.missed >= 8 * 4


# --- the model ------------------------------------------------------------------------------------


@pytest.fixture
def model(load):
    return load("_scale_model")


def test_the_table_is_that_of_the_net(model):
    """Parameters and multiply-adds of ResNet-50's parts, as mmengine counts them."""
    from mmengine.analysis import get_model_complexity_info

    from mmresnet.models.backbones import ResNet

    net = ResNet(50)
    names = ("layer4", "layer3", "layer2", "layer1")
    counts = {name: sum(p.numel() for p in getattr(net, name).parameters()) for name in names}
    total = sum(p.numel() for p in net.parameters())
    head = 2048 * 1000 + 1000
    stem = total - sum(counts.values())
    expected = [head, *(counts[name] for name in names), stem]
    assert expected == [p for p, _ in model.PARTS]
    assert total + head == model.PARAMETERS == 25_557_032
    flops = get_model_complexity_info(net.eval(), (3, 224, 224), show_table=False, show_arch=False)
    adds = sum(m for _, m in model.PARTS)
    assert adds == pytest.approx(flops["flops"] / 1e6 + 2, rel=0.01)


def test_gradients_are_ready_from_the_head_to_the_stem(model):
    assert model.ready(0) == 0
    assert model.ready(model.PARAMETERS) == pytest.approx(1)
    assert model.ready(2_049_000 + 14_964_736) == pytest.approx((2 + 811) / 4120)


def test_an_all_reduce_carries_twice_its_size_less_a_part(model):
    alone = model.Machine("", 0, 0, gpus=1)
    link = model.Link("", rate=1e6)
    assert model.all_reduce(1e6, alone, 1, link) == 0
    assert model.all_reduce(1e6, alone, 2, link) == pytest.approx(1)
    assert model.all_reduce(1e6, alone, 4, link) == pytest.approx(1.5)
    inside = model.Machine("", 0, 0, gpus=8, inside=1e6)
    assert model.all_reduce(1e6, inside, 1, link) == pytest.approx(1.75)
    late = model.Link("", rate=1e6, delay=0.1)
    assert model.all_reduce(1e6, alone, 8, late) == pytest.approx(1.75 + 6 * 0.1)


def test_communication_is_hidden_or_not(model):
    machine = model.Machine("", fixed=0.01, image=0.01, gpus=1)
    size = 4 * model.PARAMETERS

    def step(rate, **settings):
        return model.step(machine, model.Link("", rate), 2, 10, **settings)

    fast, slow = step(1e12), step(1e6)
    assert fast.compute == pytest.approx(0.11)
    assert fast.efficiency == pytest.approx(1, abs=0.01)
    # the first bucket begins soon after the forward pass, and the link is never idle again
    assert slow.total == pytest.approx(0.01 + 0.1 / 3 + size / 1e6, rel=0.01)
    late = step(1e6, bucket=1e9)  # begins when all gradients are there
    assert late.total == pytest.approx(0.11 + size / 1e6, rel=0.02)
    half = step(1e6, bytes_each=2)
    assert half.total == pytest.approx(0.01 + 0.1 / 3 + size / 2e6, rel=0.01)


def test_steps_measured_here_are_within_a_tenth_where_nothing_is_compressed(load, model):
    """So that a change of the model that no longer fits what was measured is noticed."""
    ratios = {}
    for one in load("_scale_measured").MEASURED:
        found = model.step(one.machine, one.link, one.nodes, one.batch, one.bytes_each, one.bucket)
        ratios[one.name] = found.total / one.seconds
    exact = [ratio for name, ratio in ratios.items() if "bfloat16" not in name]
    assert len(exact) == 10
    assert all(0.89 < ratio < 1.03 for ratio in exact), ratios


def test_calls_are_counted(load, tmp_path):
    trace = tmp_path / "trace"
    trace.write_text(
        '12 openat(AT_FDCWD, "/usr/lib/a.so", O_RDONLY|O_CLOEXEC) = 3\n'
        '12 openat(AT_FDCWD, "/usr/lib/b.so", O_RDONLY) = -1 ENOENT (No such file or directory)\n'
        '13 openat(AT_FDCWD, "/proc/self/maps", O_RDONLY) = 4\n'
        '13 newfstatat(AT_FDCWD, "/usr/lib", {st_mode=S_IFDIR|0755, ...}, 0) = 0\n'
        '13 newfstatat(3, "", {st_mode=S_IFREG|0644, ...}, AT_EMPTY_PATH) = 0\n'
        '13 openat(AT_FDCWD, "/usr/lib/a.so", O_RDONLY <unfinished ...>\n'
        "13 +++ exited with 0 +++\n"
    )
    counts, files = load("_scale_start").calls_of(trace)
    assert counts == {"opened": 1, "not found": 1, "looked up": 1}
    assert files == {"/usr/lib/a.so"}
