"""The registries in use, children of mmengine's with the scope ``mmresnet``.

mmengine imports this module by itself when it meets ``type='mmresnet.…'``; the modules that hold
the parts are imported when a part is first asked for. Importing it also applies the mends of
:mod:`mmresnet.upstream`, so that they are in force in anybody's tool.
"""

from mmresnet import upstream
from mmresnet.errors import require

require("mmengine", "A registry of mmresnet")

from mmengine.registry import HOOKS as MMENGINE_HOOKS  # noqa: E402  after the check above
from mmengine.registry import MODELS as MMENGINE_MODELS  # noqa: E402
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS  # noqa: E402
from mmengine.registry import Registry  # noqa: E402

upstream.apply()

MODELS = Registry("model", parent=MMENGINE_MODELS, scope="mmresnet", locations=["mmresnet.models"])
HOOKS = Registry("hook", parent=MMENGINE_HOOKS, scope="mmresnet", locations=["mmresnet.engine"])
OPTIM_WRAPPERS = Registry(
    "optim wrapper",
    parent=MMENGINE_OPTIM_WRAPPERS,
    scope="mmresnet",
    locations=["mmresnet.engine"],
)
