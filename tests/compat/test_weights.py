"""mmengine loads weights through this package: upstream still needs it."""

import subprocess
import sys

import torch
from mmengine.runner import checkpoint
from nets import classifier, torchvision_net

from mmresnet.compat import WEIGHTS


def test_upstream_loads_a_part_without_an_error():
    assert WEIGHTS.needed()
    model, peer = classifier(classes=10), torchvision_net("resnet34", num_classes=10)
    weight = model.head.fc.weight.clone()
    checkpoint.load_state_dict.__wrapped__(model, peer.state_dict())  # which only warns
    assert torch.equal(model.head.fc.weight, weight), "upstream knows torchvision's names"


def test_who_does_not_use_us_pays_nothing():
    """No hook of torch's runs for other people's modules, and weights are imported when needed."""
    code = """
import sys
import mmresnet.registry
from torch.nn.modules import module
assert not module._global_module_registration_hooks
assert "mmresnet.weights.load" not in sys.modules and "mmresnet.models" not in sys.modules
import torch
from mmengine.model import BaseModel
class Other(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
    def forward(self, inputs):
        return inputs
state = {"layer.weight": torch.ones(2, 2), "layer.bias": torch.ones(2)}
print(Other().load_state_dict(state))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "All keys matched" in done.stdout
