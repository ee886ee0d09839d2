"""Errors of a data loader's workers, in real processes."""

import os
import re
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from mmresnet.cli import command
from mmresnet.cli.workers import explain_worker, without_traceback
from mmresnet.errors import SampleError, UserError


class Failing(Dataset):
    """Raises an error, or ends its process by a signal, at the second sample."""

    def __init__(self, failure):
        self.failure = failure

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index != 1:
            return index
        if isinstance(self.failure, BaseException):
            try:
                raise KeyError("the cause")
            except KeyError as error:
                raise self.failure from error
        os.kill(os.getpid(), self.failure)


def failure_of(dataset):
    with pytest.raises(Exception, match="worker") as caught:
        list(DataLoader(dataset, num_workers=1))
    return caught.value


@pytest.mark.parametrize("kind", [SampleError, UserError])
def test_a_worker_s_error_is_its_message_alone(kind, capsys):
    error = failure_of(Failing(kind("The image 'a.jpg' cannot be used: it is cut off.")))
    assert type(error) is kind
    assert "Traceback" in str(error)
    assert without_traceback(error) == "The image 'a.jpg' cannot be used: it is cut off."
    assert command.explain(error) == without_traceback(error)


def test_an_error_of_the_main_process_is_left_as_it_is():
    assert without_traceback(SampleError("Say\nthis.")) == "Say\nthis."


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, r"\(Killed\): .* memory ran out"),
        (signal.SIGBUS, r"\(Bus error\): its shared memory is full"),
        (signal.SIGSEGV, r"\(Segmentation fault\): a library crashed.* check-dataset"),
        (signal.SIGTERM, r"\(Terminated\): another program or a scheduler"),
    ],
)
def test_a_worker_that_dies_is_one_line(number, words, capsys):
    def main(argv):
        list(DataLoader(Failing(number), num_workers=1))  # which kills itself

    assert command.run(main) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert re.search(rf"^A worker of the data loader died {words}", said)


def test_another_error_is_not_explained():
    assert explain_worker(RuntimeError("DataLoader is fine")) is None
