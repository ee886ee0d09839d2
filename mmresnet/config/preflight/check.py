# TEMPORARY shim, removed by the coordinator
from mmresnet.config.preflight.build_errors import explain_build_errors as explain_mistakes  # noqa: F401
from mmresnet.config.preflight.image_folders import check_image_folders as check_data  # noqa: F401
