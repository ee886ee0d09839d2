"""What a checkpoint has to hold beyond mmengine's, so that a run continues bit for bit.

All of it are tensors, numbers, strings, lists and dicts, which torch reads with ``weights_only``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.dist import gather_object, get_dist_info
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmresnet.engine.logical.conditions import conditions, meet
from mmresnet.engine.logical.wrapper import LogicalShards
from mmresnet.engine.resume import curves
from mmresnet.engine.resume.random_states import capture_random_states, restore_random_states
from mmresnet.weights.sharded_models import is_shard, shard_like

# Hooks of other packages that keep state in attributes, by class. A hook with ``state_dict`` and
# ``load_state_dict`` needs no entry.
HOOK_ATTRIBUTES = {
    "EarlyStoppingHook": ("wait_count", "best_score"),
    "CheckpointHook": ("last_ckpt",),
    "TerminalHook": ("_reported",),
}


def gather_ranks(runner: Runner) -> list[dict[str, Any]]:
    """Return in the first process the state that each has of its own, elsewhere an empty list.

    A collective call. Random states; gradients, if the optimizer has not stepped since they were
    accumulated; and the buffers of all processes but the first, whose model is in the checkpoint:
    BatchNorm's statistics differ between processes, and with them the metrics of a validation. With
    logical shards all processes have the same, and one state is enough.
    """
    rank, world_size = _own_state(runner)
    state = {
        "random": capture_random_states(),
        "gradients": _gradients(runner) if _is_accumulating(runner) else {},
        "buffers": _pack(_buffers(runner)) if rank else {},
    }
    return gather_object(state) or [] if world_size > 1 else [state]


def capture(runner: Runner, ranks: list[dict[str, Any]], validated: int | None) -> dict[str, Any]:
    """Return the state of a run, as a checkpoint holds it under ``training_state``.

    Args:
        ranks: What :func:`gather_ranks` returned.
        validated: The iteration after which the last validation was completed.
    """
    loop = runner.train_loop
    return {
        "loader": loop.dataloader.state_dict(),
        "validated": validated,
        "stop_training": bool(loop.stop_training),
        "inner_counts": [wrapper._inner_count for wrapper in _optim_wrappers(runner)],
        "hooks": _hook_states(runner),
        "curves": curves.sizes(runner),
        "ranks": ranks,
        "sharded_gradients": _sharded_gradients(runner),
        "conditions": conditions(runner),
    }


def restore(runner: Runner, state: Mapping[str, Any]) -> list[str]:
    """Restore all but the random states, and return what is not exact about it.

    It is called after mmengine has loaded the checkpoint, and after ``before_train``.
    """
    loop = runner.train_loop
    notes = [loop.dataloader.load_state_dict(state["loader"])]
    loop.stop_training = state["stop_training"]
    for wrapper, count in zip(_optim_wrappers(runner), state["inner_counts"], strict=False):
        wrapper._inner_count = count
    for name, hook in _stateful_hooks(runner):
        saved = state["hooks"].get(name, {})
        if hasattr(hook, "load_state_dict"):
            if saved:
                hook.load_state_dict(saved)
        else:
            hook.__dict__.update(saved)
    curves.carry_over(runner, state["curves"])
    _load_gradients(runner, state.get("sharded_gradients", {}))
    notes += meet(runner, state.get("conditions", {}))
    rank, world_size = _own_state(runner)
    ranks = state["ranks"]
    if len(ranks) == world_size:
        _load_buffers(runner, ranks[rank]["buffers"])
        _load_gradients(runner, ranks[rank]["gradients"])
        if ranks[rank]["gradients"]:
            runner.logger.info("The gradients accumulated before the checkpoint are restored.")
    else:  # data parallelism averages gradients over the processes
        _load_gradients(runner, _mean([one["gradients"] for one in ranks]))
        processes = get_dist_info()[1]
        if len(ranks) != processes:
            notes.append(
                f"the checkpoint was saved by {len(ranks)} processes, this run has {processes}: "
                "the images of each step are the same if the images per step are, sums are rounded "
                "otherwise."
            )
    return [note for note in notes if note]


def restore_random(runner: Runner, state: Mapping[str, Any]) -> None:
    """Set this process's random generators, if it existed when the checkpoint was saved."""
    rank, _ = _own_state(runner)
    if rank < len(state["ranks"]):
        restore_random_states(state["ranks"][rank]["random"])


def _own_state(runner: Runner) -> tuple[int, int]:
    """Return the number of this process's state, and how many states a checkpoint has."""
    return (0, 1) if isinstance(runner.model, LogicalShards) else get_dist_info()


def _optim_wrappers(runner: Runner) -> list[Any]:
    wrapper = runner.optim_wrapper
    return list(wrapper.values()) if hasattr(wrapper, "optim_wrappers") else [wrapper]


def _is_accumulating(runner: Runner) -> bool:
    return any(not wrapper.should_update() for wrapper in _optim_wrappers(runner))


def _models(runner: Runner) -> Iterator[tuple[str, nn.Module]]:
    """Yield the model and the averaged ones, without wrappers, and a prefix for each."""
    model = runner.model
    yield "model.", model.module if is_model_wrapper(model) else model
    for hook in runner.hooks:
        averaged = getattr(hook, "ema_model", None)
        if isinstance(averaged, nn.Module):
            yield "ema.", averaged


def _buffers(runner: Runner) -> dict[str, torch.Tensor]:
    return {
        prefix + name: _copy(buffer)
        for prefix, model in _models(runner)
        for name, buffer in model.named_buffers()
    }


def _load_buffers(runner: Runner, packed: Mapping[str, Any]) -> None:
    buffers = dict(_unpack(packed))
    for prefix, model in _models(runner):
        for name, buffer in model.named_buffers():
            if prefix + name in buffers:
                buffer.copy_(buffers[prefix + name].view_as(buffer))


def _pack(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Return one tensor for each type: a thousand processes have a hundred thousand buffers."""
    types: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        types.setdefault(str(tensor.dtype), {})[name] = tensor
    return {
        dtype: {
            "sizes": {name: tensor.numel() for name, tensor in named.items()},
            "values": torch.cat([tensor.flatten() for tensor in named.values()]),
        }
        for dtype, named in types.items()
    }


def _unpack(packed: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield names and flat tensors; those of older checkpoints are not packed."""
    for name, value in packed.items():
        if isinstance(value, torch.Tensor):
            yield name, value
        else:
            pieces = value["values"].split(list(value["sizes"].values()))
            yield from zip(value["sizes"], pieces, strict=True)


def _gradients(runner: Runner) -> dict[str, torch.Tensor]:
    _, model = next(_models(runner))
    named = {name: weight.grad for name, weight in model.named_parameters()}
    whole = {name: one for name, one in named.items() if one is not None and not is_shard(one)}
    return {name: _copy(gradient) for name, gradient in whole.items()}


def _sharded_gradients(runner: Runner) -> dict[str, torch.Tensor]:
    """Return the accumulated gradients of a sharded model: means over the processes already."""
    if not _is_accumulating(runner):
        return {}
    _, model = next(_models(runner))
    named = {name: weight.grad for name, weight in model.named_parameters()}
    return {
        name: grad.detach() for name, grad in named.items() if grad is not None and is_shard(grad)
    }


def _load_gradients(runner: Runner, gradients: Mapping[str, torch.Tensor]) -> None:
    _, model = next(_models(runner))
    for name, weight in model.named_parameters():
        if name in gradients:
            gradient = gradients[name].detach().to(weight.device, copy=True)
            weight.grad = shard_like(weight, gradient)


def _mean(gradients: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    names = dict.fromkeys(name for one in gradients for name in one)
    sums = {n: torch.stack([one[n] for one in gradients if n in one]).sum(0) for n in names}
    return {name: total / len(gradients) for name, total in sums.items()}


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True)


def _stateful_hooks(runner: Runner) -> Iterator[tuple[str, Any]]:
    """Yield the hooks to save and their names; one of several of a class by its number."""
    seen: dict[str, int] = {}
    for hook in runner.hooks:
        name = type(hook).__name__
        if hasattr(hook, "state_dict") or _attributes(hook):
            number = seen[name] = seen.get(name, 0) + 1
            yield name if number == 1 else f"{name}.{number}", hook


def _attributes(hook: Any) -> tuple[str, ...]:
    names = [HOOK_ATTRIBUTES.get(kind.__name__, ()) for kind in type(hook).__mro__]
    return next((n for n in names if n), ())


def _hook_states(runner: Runner) -> dict[str, dict[str, Any]]:
    states = {}
    for name, hook in _stateful_hooks(runner):
        if hasattr(hook, "state_dict"):
            states[name] = hook.state_dict()
        else:
            states[name] = {a: getattr(hook, a) for a in _attributes(hook) if hasattr(hook, a)}
    return states
