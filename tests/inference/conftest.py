"""Fixtures that tests of inference share."""

import pytest

torch = pytest.importorskip("torch")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    """A recipe for ten classes, and a checkpoint of it for three: red, green and blue."""
    from mmresnet.apis import get_model

    torch.manual_seed(0)
    model = get_model("digits_resnet20", 3)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("conv1.weight") and name.startswith("backbone.conv1"):
                value.zero_()
                for channel in range(3):  # channels of RGB
                    value[channel, channel, 1, 1] = 1
            elif "layer" in name and ".bn2." in name:
                value.zero_()  # blocks add nothing
        model.head.fc.weight.zero_()
        for channel in range(3):
            model.head.fc.weight[channel, channel + 24] = 5  # after option A pads 16 and 32
        model.head.fc.bias.zero_()
    checkpoint = tmp_path_factory.mktemp("classifier") / "model.pth"
    meta = {"dataset_meta": {"classes": ["cat", "dog", "owl"]}}
    torch.save({"state_dict": model.state_dict(), "meta": meta}, checkpoint)
    return "digits_resnet20", str(checkpoint)
