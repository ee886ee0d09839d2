"""A classifier is built without mmdet, although mmpretrain would import it."""

import pytest
from fresh_process import run


@pytest.mark.full
def test_upstream_imports_it_wherever_it_is_installed():
    run(
        """
        import sys
        import mmresnet.ops
        mmresnet.ops.install()
        import mmpretrain.models
        assert "mmdet" in sys.modules, "upstream does without; remove the patch"
        """
    )


def test_a_classifier_is_built_without_it_and_a_detector_after_it_has_all():
    run(
        """
        import sys
        from mmengine.config import Config
        from mmresnet.apis import get_model
        from mmresnet.engine.assembly import import_packages

        get_model("resnet18_8xb32_in1k")
        import mmpretrain.models.utils as utils
        assert "mmdet" not in sys.modules and utils.ResLayerExtraNorm is None

        head = dict(type="StandardRoIHead", shared_head=dict(type="mmpretrain.ResLayerExtraNorm"))
        model = dict(type="FasterRCNN", roi_head=head)
        import_packages(Config(dict(default_scope="mmdet", model=model)))
        from mmdet.registry import MODELS
        assert MODELS.get("ResLayerExtraNorm") is utils.ResLayerExtraNorm is not None
        """
    )
