"""The experiments: the paper's figures, and command lines that fit the commands and recipes."""

import re
from functools import cache

import pytest

from mmresnet.cli import main as cli
from mmresnet.cli.command import parse_options
from mmresnet.config.find import recipe_paths
from mmresnet.errors import UserError
from mmresnet.paper.catalogue import EXPERIMENTS, find
from mmresnet.paper.experiment import Step

# He et al. 2015, read off its text: of each row the figures in the order of the columns
PAPER = {
    "table1": {
        **{"ResNet-18": (1.8,), "ResNet-34": (3.6,), "ResNet-50 caffe": (3.8,)},
        **{"ResNet-101 caffe": (7.6,), "ResNet-152 caffe": (11.3,)},
        **{"VGG-16": (15.3,), "VGG-19": (19.6,)},
    },
    "table2": {
        **{"plain-18": (27.94,), "plain-34": (28.54,)},
        **{"ResNet-18": (27.88,), "ResNet-34": (25.03,)},
    },
    "table3": {
        **{"VGG-16": (28.07, 9.33), "plain-34": (28.54, 10.02)},
        **{"ResNet-34 A": (25.03, 7.76), "ResNet-34 B": (24.52, 7.46), "ResNet-34 C": (24.19, 7.4)},
        **{"ResNet-50": (22.85, 6.71), "ResNet-101": (21.75, 6.05), "ResNet-152": (21.43, 5.71)},
    },
    "table4": {
        **{"ResNet-34 B": (21.84, 5.71), "ResNet-34 C": (21.53, 5.60)},
        **{"ResNet-50": (20.74, 5.25), "ResNet-101": (19.87, 4.60), "ResNet-152": (19.38, 4.49)},
    },
    "table5": {"ensemble of six": (3.57,)},
    "table6": {
        **{"ResNet-20": (8.75,), "ResNet-32": (7.51,), "ResNet-44": (7.17,)},
        **{"ResNet-56": (6.97,), "ResNet-110": (6.43,), "ResNet-1202": (7.93,)},
    },
    "table7": {
        "VGG-16, 07+12, tested on VOC 2007": (73.2,),
        "ResNet-101, 07+12, tested on VOC 2007": (76.4,),
        "VGG-16, 07++12, tested on VOC 2012": (70.4,),
        "ResNet-101, 07++12, tested on VOC 2012": (73.8,),
    },
    "table8": {"VGG-16": (41.5, 21.2), "ResNet-101": (48.4, 27.2)},
    "table9": {
        "baseline, VGG-16": (41.5, 21.2),
        "baseline, ResNet-101": (48.4, 27.2),
        "+ box refinement": (49.9, 29.9),
        "+ context": (51.1, 30.0),
        "+ multi-scale testing": (53.8, 32.5),
        "+ context, trainval, test-dev": (53.3, 32.2),
        "+ multi-scale testing, trainval, test-dev": (55.7, 34.9),
        "ensemble of 3, trainval, test-dev": (59.0, 37.4),
    },
    "table10": {
        "baseline, VGG-16, 07+12": (73.2,),
        "baseline, ResNet-101, 07+12": (76.4,),
        "baseline+++, ResNet-101, COCO+07+12": (85.6,),
    },
    "table11": {
        "baseline, VGG-16, 07++12": (70.4,),
        "baseline, ResNet-101, 07++12": (73.8,),
        "baseline+++, ResNet-101, COCO+07++12": (83.8,),
    },
    "table12": {"single model": (60.5,), "ensemble of 3": (63.6,)},
    "table13": {
        "VGG-16, center crop": (33.1, None),
        "RPN, ResNet-101, center crop": (13.3, None),
        "RPN, ResNet-101, dense": (11.7, 14.4),
        "RPN and R-CNN, ResNet-101, dense": (None, 10.6),
        "RPN and R-CNN, ensemble, dense": (None, 8.9),
    },
    "table14": {
        **{"OverFeat, 2013": (30.0,), "GoogLeNet, 2014": (None,)},
        **{"VGG, 2014": (26.9,), "ResNet, 2015": (8.9,)},
    },
}
ALL = pytest.mark.parametrize("name", EXPERIMENTS)
NET_OPTION = re.compile(r"model\.backbone\.(?!init_cfg|with_cp)")


def protocols(name):
    experiment = EXPERIMENTS[name]
    return [one for one in (experiment.full, experiment.small) if one is not None]


def words_of(protocol):
    return [step.words("data", "out", protocol.epochs) for step in protocol.steps]


@pytest.mark.parametrize("name", PAPER)
def test_figures_are_the_papers(name):
    assert {row.label: row.paper for row in EXPERIMENTS[name].rows} == PAPER[name]


@ALL
def test_rows_fit_the_columns_and_name_steps(name):
    experiment = EXPERIMENTS[name]
    steps = {step.name for protocol in protocols(name) for step in protocol.steps}
    assert len({row.label for row in experiment.rows}) == len(experiment.rows)
    for row in experiment.rows:
        assert len(row.paper) == len(experiment.columns), row
        assert {step.partition(":")[0] for step in row.steps} <= steps, row


@ALL
def test_each_figure_can_be_measured_by_the_full_protocol(name):
    experiment = EXPERIMENTS[name]
    steps = {step.name for step in experiment.full.steps}
    unmeasured = [
        row.label
        for row in experiment.rows
        if not row.steps or not {step.partition(":")[0] for step in row.steps} <= steps
    ]
    of_others = ("VGG", "OverFeat", "GoogLeNet")  # for which there is no recipe
    assert [one for one in unmeasured if not any(name in one for name in of_others)] == []


@ALL
def test_a_net_is_used_with_the_backbone_that_was_trained(name):
    """A checkpoint does not tell strides, so that without ``style`` the scores would be wrong."""
    for protocol in protocols(name):
        trained = {}
        for step in protocol.steps:
            words = step.words("data", "out", epochs=8)
            options = {one for one in words if NET_OPTION.match(one)}
            if words[0] == "train":
                trained[words[words.index("--work-dir") + 1]] = options
            elif words[0] in ("test", "propose"):
                used = words[2].partition("/weights/")[0]
                assert options == trained.get(used, options), step.name


@ALL
def test_commands_take_these_words(name):
    for protocol in protocols(name):
        assert len({step.name for step in protocol.steps}) == len(protocol.steps)
        for words in words_of(protocol):
            args = cli._parser().parse_args(words)  # exits where an option is unknown
            parse_options(getattr(args, "cfg_options", None))
            if hasattr(args, "config") and not args.config.startswith("out/"):
                assert args.config in recipe_paths()


@ALL
def test_a_step_reads_what_an_earlier_one_has_written(name):
    for protocol in protocols(name):
        written = set()
        for step, words in zip(protocol.steps, words_of(protocol), strict=True):
            read = {
                found
                for word in words
                for found in re.findall(r"(?:^|=)out/([\w-]+)(?=/|\.npz|$)", word)
            }
            assert read - {step.name} <= written, step
            written.add(step.name)


@cache
def config(recipe, *options):
    from mmresnet.config.load import load_config

    return load_config(recipe, parse_options([one for one in options if "data_root" not in one]))


@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("table3", False),
        ("table3", True),
        ("figure6", True),
        pytest.param("figure6", False, marks=pytest.mark.full),  # 1202 layers
    ],
)
def test_the_trained_nets_are_those_of_the_labels(name, small):
    torch = pytest.importorskip("torch")
    from mmresnet.registry import MODELS

    protocol = EXPERIMENTS[name].protocol(small)
    seen = {}
    for step, words in zip(protocol.steps, words_of(protocol), strict=True):
        if words[0] != "train":
            continue
        cfg = config(words[1], *words[words.index("--cfg-options") + 1 :])
        with torch.device("meta"):
            net = MODELS.build({**cfg.model.backbone})
        assert cfg.model.head.in_channels == net.feat_dim, step.name
        assert cfg.model.head.cal_acc and cfg.log_processor.window_size == 100
        assert re.search(cfg.log_processor.mean_pattern, "accuracy_top-1")
        assert not re.search(cfg.log_processor.mean_pattern, "accuracy/top1")
        projections = sum(key.endswith("downsample.0.weight") for key in net.state_dict())
        kind = type(net).__name__.startswith(("Plain", "CifarPlain"))
        seen[step.name] = (kind, net.depth, projections)
    if name == "table3":
        residual = {"resnet-34-a": (34, 0), "resnet-34-b": (34, 3), "resnet-34-c": (34, 16)}
        residual |= {f"resnet-{depth}": (depth, 4) for depth in (50, 101, 152)}
        expected = {"plain-34": (True, 34, 0)}
    else:
        depths = (20, 56) if small else (20, 32, 44, 56)
        plain = depths if small else (*depths, 110)
        expected = {f"plain-{depth}": (True, depth, 0) for depth in plain}
        residual = {f"resnet-{depth}": (depth, 0) for depth in depths}
        residual |= {} if small else {"resnet-110-run1": (110, 0), "resnet-1202": (1202, 0)}
    assert seen == expected | {key: (False, *value) for key, value in residual.items()}


@pytest.mark.full
@ALL
def test_recipes_take_the_options(name):
    """None names a setting that its recipe does not have."""
    for protocol in protocols(name):
        for words in words_of(protocol):
            if words[0] in ("train", "test", "propose") and words[1] in recipe_paths():
                options = words[words.index("--cfg-options") + 1 :]
                options = [one for one in options if "=" in one]
                config(words[1], *options)


def test_small_schedules_keep_the_proportions_of_the_paper():
    """Table 6: 64,000 steps, 32,000 and 48,000 are 50 and 75 %; ImageNet: 30, 60 and 90 of 120."""
    for name, shares in (("figure6", (0.5, 0.75)), ("table3", (0.25, 0.5, 0.75))):
        for epochs in (8, 20, 120):
            step = next(one for one in EXPERIMENTS[name].small.steps if "train_cfg" in one.template)
            options = parse_options(step.words("d", "o", epochs)[6:])
            assert options["train_cfg.max_epochs"] == epochs
            assert options["param_scheduler.milestones"] == [round(s * epochs) for s in shares]


def test_shares_are_at_least_one_and_processes_are_for_trainings():
    step = Step("a", "train {data}/x --e {epochs} --m [{10%},{75%}]")
    assert step.words("a b", "o", 2, processes=4) == (
        ["train", "--nproc", "4", "a b/x", "--e", "2", "--m", "[1,2]"]
    )
    assert Step("b", "plot errors {out}/a").words("d", "o", processes=4) == [
        "plot",
        "errors",
        "o/a",
    ]


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UserError, match=r"no experiment 'tabel3'\. Did you mean 'table3'\?"):
        find("tabel3")
