"""A user of detectors alone, or of classifiers alone, has only one of the two packages."""

import subprocess
import sys


def test_importing_the_models_imports_neither_mmpretrain_nor_mmdet():
    code = (
        "import sys, mmresnet.models.heads, mmresnet.models.necks, mmresnet.models.losses\n"
        "import mmresnet.models\n"
        "print([name for name in ('mmpretrain', 'mmdet') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_mmpretrain_a_prediction_says_what_is_missing():
    code = (
        "import sys, torch\n"
        "sys.modules['mmpretrain'] = None\n"  # what Python has where an import must fail
        "from mmresnet.models.heads import LinearClsHead\n"
        "try:\n"
        "    LinearClsHead(2, 4).predict(torch.zeros(1, 4))\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "A prediction without data samples needs the package 'mmpretrain" in done.stdout
    assert "pip install 'mmresnet[openmmlab]'" in done.stdout
