"""A detector is built without mmpretrain, although mmdet would import it."""

import pytest
from fresh_process import run


@pytest.mark.full
def test_upstream_imports_it_wherever_it_is_installed():
    run(
        """
        import sys
        import mmresnet.ops
        mmresnet.ops.install()
        import mmdet.models
        assert "mmpretrain" in sys.modules, "upstream does without; remove the patch"
        """
    )


@pytest.mark.full
def test_a_detector_is_built_without_it():
    run(
        """
        import sys
        from mmresnet.apis import get_model
        get_model("faster-rcnn_r18_fpn_1x_coco", num_classes=3)
        assert "mmpretrain" not in sys.modules
        import mmpretrain.models  # for whoever wants it
        """
    )


@pytest.mark.full
def test_a_config_that_names_it_has_it():
    run(
        """
        from mmengine.config import Config
        from mmresnet.engine.assembly import import_packages
        model = dict(type="BaseReID", head=dict(type="LinearReIDHead", num_classes=3))
        import_packages(Config(dict(default_scope="mmdet", model=model)))
        import mmdet.models.reid.base_reid
        assert mmdet.models.reid.base_reid.mmpretrain is not None
        """
    )
