"""A non-finite loss or gradient stops the training before the step, or the step is left out."""

import math

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from number_net import Net, Numbers

from mmresnet.engine.watch.non_finite import NonFiniteHook
from mmresnet.errors import TrainingError

SKIP = {"on_non_finite": "skip"}


def weights(runner):
    return {name: value.clone() for name, value in runner.model.state_dict().items()}


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def losses(runner):
    scalars = runner.message_hub.log_scalars
    return {
        name: torch.tensor(scalars[name].data[0], dtype=torch.float64)
        for name in scalars
        if "loss" in name
    }


def wrapper(kind="OptimWrapper", lr=0.01, **settings):
    return {"type": kind, "optimizer": {"type": "SGD", "lr": lr, "momentum": 0.9}, **settings}


def test_the_message_and_the_saved_batch(run, tmp_path):
    with pytest.raises(TrainingError) as caught:
        run({}, Numbers(bad=[5]))
    message = str(caught.value)
    assert message.startswith("Non-finite loss_score nan, gradient norm nan in iteration 3 (epoch ")
    assert "output is that of data_preprocessor (BaseDataPreprocessor), from non-finite" in message
    assert "Learning rate 0.01. Images: 5.png." in message
    path = tmp_path / "non_finite" / "iter_3.pth"
    assert message.endswith(str(path))
    assert all(value.isfinite().all() for value in run.runner.model.parameters())
    content = torch.load(path, weights_only=True)
    assert content["batch"]["inputs"][1].isinf().all()
    assert content["model"].keys() == run.runner.model.state_dict().keys()


def test_a_finite_training_is_as_without_the_hook(run):
    watched = run({})
    assert_equal(weights(watched), weights(run()))
    assert_equal(losses(watched), losses(run.runner))
    norms = watched.message_hub.get_scalar("train/grad_norm").data[0]
    assert len(norms) == 4
    assert all(math.isfinite(norm) and norm > 0 for norm in norms)


def test_an_interrupted_training_is_watched_once_when_it_goes_on(run):
    runner = run({})
    hook = next(one for one in runner.hooks if isinstance(one, NonFiniteHook))
    hook.before_train(runner)  # as where the training was interrupted in between
    number = len(hook._handles)
    hook.before_train(runner)
    assert len(hook._handles) == number
    total, logged = runner.model.parse_losses({"loss_a": torch.ones(2)})
    assert total == logged["loss"] == 1
    hook.after_train(runner)
    assert "parse_losses" not in vars(runner.model)


def test_a_skipped_step_is_as_if_its_batch_were_not_there(run):
    skipped = run(SKIP, Numbers(bad=[5]))
    assert_equal(weights(skipped), weights(run(SKIP, Numbers(without=[4, 5]))))
    assert skipped.message_hub.get_info("skipped_steps") == 1


def test_a_module_with_finite_input_is_named(run):
    net = Net()
    net.stem[0].weight.data.fill_(3e38)
    with pytest.raises(TrainingError, match=r"that of stem\.0 \(Conv2d\), from finite input"):
        run({}, model=net)


def test_non_finite_weights_are_told_from_non_finite_input(run):
    net = Net()
    net.head.weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"that of head \(Linear\), with non-finite weights"):
        run({}, model=net)


class Roots(Net):
    """Its loss is finite and the gradient is not: that of a root at 0."""

    def forward(self, inputs, data_samples=None, mode="loss"):
        losses = super().forward(inputs, data_samples, mode)
        return {**losses, "loss_root": (self.head.bias * 0).abs().sqrt()}


def test_a_gradient_alone(run):
    with pytest.raises(TrainingError, match=r"Non-finite gradient norm nan .* that of head\.bias"):
        run({}, model=Roots())


def test_steps_in_succession_and_in_total_are_limited(run):
    bad = Numbers(bad=[0, 2, 6])
    with pytest.raises(TrainingError, match=r"^2 steps in succession would be .*_consecutive=1\."):
        run({**SKIP, "max_consecutive": 1}, bad)
    with pytest.raises(TrainingError, match=r"^3 steps would be skipped, and max_total=2\."):
        run({**SKIP, "max_total": 2}, bad)
    assert run(SKIP, bad).message_hub.get_info("skipped_steps") == 3


def test_an_accumulated_step_is_left_out_as_a_whole(run):
    """Numbers 2 and 3 are the second of two batches of the first step."""
    accumulated = {"optim_wrapper": wrapper(accumulative_counts=2)}
    with pytest.raises(TrainingError, match=r"in iteration 2 .*Images: 2\.png"):
        run({}, Numbers(bad=[2]), **accumulated)
    with pytest.raises(TrainingError, match=r"in iteration 1 .*Images: 1\.png"):
        run({}, Numbers(bad=[1]), **accumulated)
    for bad in (1, 2):
        skipped = run(SKIP, Numbers(bad=[bad]), **accumulated)
        assert skipped.message_hub.get_info("skipped_steps") == 1
        parameters = dict(skipped.model.named_parameters())
        without = run(SKIP, Numbers(without=range(4)), **accumulated)
        assert_equal(parameters, dict(without.model.named_parameters()))


def test_accumulated_steps_are_counted_once(run):
    """Numbers 0 to 3 are of one step, 4 to 7 of the next one."""
    accumulated = {"optim_wrapper": wrapper(accumulative_counts=2)}
    limited = {**SKIP, "max_consecutive": 1}
    run(limited, Numbers(bad=[0, 2]), **accumulated)
    with pytest.raises(TrainingError, match=r"^2 steps in succession would be .* in iteration 3 "):
        run(limited, Numbers(bad=[0, 2, 4, 7]), **accumulated)


class TwoOptimizers(Net):
    """Has a forward pass for each."""

    def train_step(self, data, optim_wrapper):
        data, losses = self.data_preprocessor(data, True), {}
        for name, own in optim_wrapper.items():
            loss, _ = self.parse_losses(self(**data, mode="loss"))
            own.update_params(loss)
            losses[f"loss_{name}"] = loss
        return losses


def test_one_of_several_optimizers_accumulates(run):
    """Statistics are those before its step began, of which numbers 4 to 7 are."""

    def trained(*numbers):
        torch.manual_seed(0)
        net = TwoOptimizers()
        head, stem = (torch.optim.SGD(part.parameters(), 0.01) for part in (net.head, net.stem))
        wrappers = {"head": OptimWrapper(head), "stem": OptimWrapper(stem, accumulative_counts=2)}
        return run(SKIP, Numbers(*numbers), net, optim_wrapper=OptimWrapperDict(**wrappers))

    skipped, without = trained(8, [6]), trained(4)
    assert skipped.message_hub.get_info("skipped_steps") == 2
    assert_equal(dict(skipped.model.named_buffers()), dict(without.model.named_buffers()))
    assert_equal(skipped.model.stem.state_dict(), without.model.stem.state_dict())
    assert not torch.equal(skipped.model.head.weight, without.model.head.weight)  # by 4 and 5


@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipped_gradients_are_checked_too(kind, run):
    clip = {"max_norm": 1.0} if kind == "norm" else {"type": "value", "clip_value": 1.0}
    with pytest.raises(TrainingError, match=r"Images: 5\.png"):
        run({}, Numbers(bad=[5]), optim_wrapper=wrapper(clip_grad=clip))
    watched = run({}, optim_wrapper=wrapper(clip_grad=clip))
    assert len(watched.message_hub.get_scalar("train/grad_norm").data[0]) == 4


def half(accumulative_counts=1, **scale):
    settings = {"dtype": "float16", "accumulative_counts": accumulative_counts}
    return wrapper("mmresnet.AmpOptimWrapper", loss_scale=scale, **settings)


def test_an_overflow_of_float16_is_left_to_the_scaler(run):
    runner = run({}, optim_wrapper=half(init_scale=2.0**18))
    scales = runner.message_hub.get_scalar("train/loss_scale").data[0]
    assert scales[0] < 2**18 and scales[-1] >= 1
    assert runner.message_hub.get_info("skipped_steps") is None


def test_a_scale_below_1_is_an_error(run):
    with pytest.raises(TrainingError, match=r"loss scale has fallen to 0\.5 in iteration 2"):
        run({}, model=Net(factor=1e10), optim_wrapper=half(init_scale=2.0))


def test_a_loss_that_is_not_finite_in_float16_is_an_error(run):
    with pytest.raises(TrainingError, match=r"loss scale \d.*Images: 5\.png"):
        run({}, Numbers(bad=[5]), optim_wrapper=half(init_scale=4.0))


@pytest.mark.parametrize("bad", [1, 2])
def test_the_step_after_one_that_the_scaler_left_out_is_taken(bad, run):
    """Two iterations make a step, and the numbers 0 to 3 are those of the first one."""
    skipped = run(SKIP, Numbers(bad=[bad]), optim_wrapper=half(2, init_scale=4.0))
    assert skipped.message_hub.get_info("skipped_steps") == 1
    without = run(SKIP, Numbers(without=range(4)), optim_wrapper=half(2, init_scale=2.0))
    assert_equal(weights(skipped), weights(without))


def test_bfloat16(run):
    with pytest.raises(TrainingError, match=r"Images: 5\.png"):
        run({}, Numbers(bad=[5]), optim_wrapper=wrapper("mmresnet.AmpOptimWrapper"))


def test_an_invalid_policy_is_reported():
    with pytest.raises(ValueError, match=r"'stop' or 'skip', not 'skipp'.*Did you mean 'skip'"):
        NonFiniteHook("skipp")
