"""The driver that every net of the family runs through: a stem, then stages of blocks."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmresnet.models.backbones.blocks import ResidualBlock
from mmresnet.weights.names.match import translate


class ResidualNet(BaseModule):
    """A stem, then stages of blocks; some stages give their output.

    It is handed finished parts: what stem and which shortcuts they are is not its business.

    Args:
        stem: Layers in order of computation; their names become the net's own children.
        stages: Stages in order; they become the children ``layer1``, ``layer2``, …
        out_indices: Stages whose output is returned, counted from 0.
        frozen_stages: The stem and this many stages are not trained: no gradients, and their
            norm layers keep their statistics. 0 freezes the stem alone, -1 nothing.
        norm_eval: BatchNorm layers use and keep their running statistics while training.
        zero_init_residual: The last norm layer of each residual block starts at zero, so that
            the block starts as its shortcut. Blocks without a shortcut are left alone.
        init_cfg: mmengine's initialization config.
    """

    def __init__(
        self,
        stem: dict[str, nn.Module],
        stages: Sequence[nn.Module],
        out_indices: Sequence[int],
        frozen_stages: int,
        norm_eval: bool,
        zero_init_residual: bool,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None,
    ) -> None:
        super().__init__(init_cfg)
        for name, layer in stem.items():
            self.add_module(name, layer)
        for number, stage in enumerate(stages, start=1):
            self.add_module(f"layer{number}", stage)
        self.stem_names = tuple(stem)
        self.stage_names = tuple(f"layer{number}" for number in range(1, len(stages) + 1))
        self.out_indices = tuple(out_indices)
        self.norm_eval = norm_eval
        self.zero_init_residual = zero_init_residual
        self.frozen_names = (
            self.stem_names + self.stage_names[:frozen_stages] if frozen_stages >= 0 else ()
        )
        for name in self.frozen_names:
            self.get_submodule(name).requires_grad_(False)

    @property
    def norm1(self) -> nn.Module:
        """The norm layer after the stem's ``conv1``; a deep stem has no layer of this name."""
        if "conv1" not in self.stem_names:
            raise AttributeError("norm1")
        return self.get_submodule(self.stem_names[self.stem_names.index("conv1") + 1])

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the feature maps of the stages in ``out_indices``, in order of depth.

        For ResNet-50 and ``x`` of ``(N, 3, 224, 224)`` the four stages give ``(N, 256, 56, 56)``,
        ``(N, 512, 28, 28)``, ``(N, 1024, 14, 14)`` and ``(N, 2048, 7, 7)``.
        """
        for name in self.stem_names:
            x = getattr(self, name)(x)
        outputs = []
        for index, name in enumerate(self.stage_names):
            x = getattr(self, name)(x)
            if index in self.out_indices:
                outputs.append(x)
        return tuple(outputs)

    def train(self, mode: bool = True) -> "ResidualNet":
        """Switch to training, except what is frozen and, with ``norm_eval``, BatchNorm."""
        super().train(mode)
        for name in self.frozen_names:
            self.get_submodule(name).eval()
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *arguments: Any
    ) -> None:
        """Take the tensor names of any publisher; torch's ``load_state_dict`` calls this."""
        translate(self.state_dict(), ("",), state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def init_weights(self) -> None:
        """Initialize by ``init_cfg``; pretrained weights are left as they were loaded."""
        already_done = self.is_init
        super().init_weights()
        if self.zero_init_residual and not already_done and not self._is_pretrained():
            for block in self.modules():
                if isinstance(block, ResidualBlock) and block.downsample is not None:
                    norm = block.get_submodule(block.norm_names[-1])
                    nn.init.zeros_(norm.weight)
                    nn.init.zeros_(norm.bias)

    def _is_pretrained(self) -> bool:
        cfgs = self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg or {}]
        return any(cfg.get("type") in ("Pretrained", "PretrainedInit") for cfg in cfgs)

    def get_layer_depth(self, param_name: str, prefix: str = "") -> tuple[int, int]:
        """Return ``(depth of the parameter's layer, number of layers)``.

        For layer-wise learning rates (mmpretrain's ``LearningRateDecayOptimWrapperConstructor``).
        The stem is layer 0, every block is a layer, and what is not of this backbone (its name
        lacks ``prefix``) is the last layer, as a head is.
        """
        blocks = [len(self.get_submodule(name)) for name in self.stage_names]
        last = sum(blocks) + 1
        if not param_name.startswith(prefix):
            return last, last + 1
        child, _, rest = param_name[len(prefix) :].partition(".")
        if child not in self.stage_names:
            return 0, last + 1
        before = sum(blocks[: self.stage_names.index(child)])
        return before + int(rest.partition(".")[0]) + 1, last + 1
