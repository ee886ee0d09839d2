"""Models are imported without mmpretrain and mmdet: users may have only one of the two."""

import subprocess
import sys

import pytest


def test_importing_the_models_imports_neither_mmpretrain_nor_mmdet():
    code = (
        "import sys, mmresnet.models.heads, mmresnet.models.necks, mmresnet.models.losses\n"
        "import mmresnet.models\n"
        "print([name for name in ('mmpretrain', 'mmdet') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.full
def test_a_prediction_without_mmpretrain_names_the_missing_package():
    code = (
        "import sys, torch\n"
        "sys.modules['mmpretrain'] = None\n"  # importing it fails
        "from mmresnet.models.heads import LinearClsHead\n"
        "try:\n"
        "    LinearClsHead(2, 4).predict(torch.zeros(1, 4))\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "A prediction without data samples needs the package 'mmpretrain" in done.stdout
    assert "pip install -e '.[openmmlab]'" in done.stdout
