"""What testing refuses before it builds anything."""

import pytest

from mmresnet.engine.testing import test as run_test
from mmresnet.errors import UserError


def test_a_checkpoint_that_does_not_exist_is_refused_first():
    with pytest.raises(UserError, match=r"no checkpoint at 'nothing\.pth'"):
        run_test("no_such_config", "nothing.pth")
