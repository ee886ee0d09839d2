"""A classifier is built without transformers, although mmpretrain would import it."""

import pytest
from fresh_process import run

pytest.importorskip("transformers")


@pytest.mark.full
def test_upstream_imports_it_wherever_it_is_installed():
    run(
        """
        import sys
        import mmresnet.ops
        mmresnet.ops.install()
        import mmpretrain.models
        assert "transformers.modeling_utils" in sys.modules, "remove the patch"
        """
    )


def test_a_classifier_is_built_without_it_and_what_needs_it_is_still_there():
    run(
        """
        import sys
        from mmengine.config import Config
        from mmresnet.apis import get_model
        from mmresnet.engine.assembly import import_packages

        get_model("resnet18_8xb32_in1k")
        import mmpretrain.datasets
        import mmpretrain.models
        from mmpretrain.registry import DATASETS, MODELS
        assert "transformers.modeling_utils" not in sys.modules
        assert MODELS.get("ImageClassifier") and not hasattr(mmpretrain.models, "ChineseCLIP")

        try:
            MODELS.build(dict(type="ChineseCLIP", no_such_argument=1))
        except TypeError as error:
            assert "no_such_argument" in str(error), error
        else:
            raise AssertionError("the argument was ignored")
        assert MODELS.get("ChineseCLIP") is mmpretrain.models.ChineseCLIP
        assert isinstance(DATASETS.get("COCOCaption"), type)
        assert mmpretrain.models.utils.BlipTokenizer

        clip = MODELS.get("CLIPZeroShot")
        assert isinstance(clip, type)
        assert MODELS.get("ImageClassifier") is mmpretrain.models.ImageClassifier
        """
    )


def test_a_release_that_mmpretrain_cannot_import_does_not_matter(tmp_path):
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").touch()  # none of the names that mmpretrain wants
    run(
        f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from mmresnet.apis import get_model
        get_model("resnet18_8xb32_in1k")
        import mmpretrain.datasets
        import mmpretrain.models
        assert sys.modules["transformers"].__file__.startswith({str(tmp_path)!r})

        from mmpretrain.registry import MODELS
        from mmresnet.errors import UserError
        try:
            MODELS.build(dict(type="ChineseCLIP"))
        except UserError as error:
            assert "pip install 'transformers<4.57'" in str(error), error
        else:
            raise AssertionError("it was built")
        """
    )
