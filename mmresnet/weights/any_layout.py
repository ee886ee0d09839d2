"""A backbone that takes weights under anybody's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

if TYPE_CHECKING:
    from torch import Tensor


class AnyLayout(nn.Module):
    """Base of backbones whose ``load_state_dict`` takes any layout of a ResNet.

    So does that of the model right around one, since there a file's names may lack the prefix, and
    its head has another name. Of what is missing or unexpected then, torch tells as always.
    """

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *arguments: Any
    ) -> None:
        _translate(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def _translate(module: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Give the tensors of ``state_dict`` after ``prefix`` the module's names for them, in place."""
    from mmresnet.weights.names.match import translate

    inner = {name[len(prefix) :]: name for name in state_dict if name.startswith(prefix)}
    given = {name: state_dict[key] for name, key in inner.items()}
    if module.state_dict().keys() >= given.keys():
        return
    for key in inner.values():
        del state_dict[key]
    for name, tensor in translate(module, given).items():
        state_dict[prefix + name] = tensor


def _watch(parent: nn.Module, _: str, child: nn.Module | None) -> None:
    """Let the model around a backbone translate too."""
    if isinstance(child, AnyLayout) and not isinstance(parent, AnyLayout):
        parent._register_load_state_dict_pre_hook(_translate, with_module=True)


register_module_module_registration_hook(_watch)
