"""What a tracker is given arrives whole, in its order, also after failures."""

import pytest
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend

from mmresnet.engine.trackers import sending


class Server(BaseVisBackend):
    """A tracker whose server can be down."""

    def __init__(self) -> None:
        super().__init__("")
        self.up, self.got, self.tries = True, [], 0

    experiment = None

    def _init_env(self) -> None: ...

    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs) -> None:
        self.tries += 1
        if not self.up:
            raise ConnectionError("connection refused\nmore of it")
        self.got.append((step, scalar_dict))

    def close(self) -> None:
        self.got.append("closed")


@pytest.fixture
def server(request):
    backend = Server()
    visualizer = Visualizer(name=request.node.name, vis_backends=[backend], save_dir="")
    sending.outlive_failures(visualizer)
    return backend, visualizer


def test_what_cannot_be_sent_is_kept(server, monkeypatch):
    backend, visualizer = server
    visualizer.add_scalars({"loss": 3.0}, step=1)
    backend.up = False
    visualizer.add_scalars({"loss": 2.0}, step=2)
    visualizer.add_scalars({"loss": 1.0}, step=3)
    assert backend.tries == 2  # a training does not wait for each message
    backend.up = True
    visualizer.add_scalars({"loss": 0.5}, step=4)
    assert backend.tries == 2
    monkeypatch.setattr(sending.time, "monotonic", lambda: 1e12)
    visualizer.add_scalars({"loss": 0.4}, step=5)
    visualizer.close()
    losses = [3.0, 2.0, 1.0, 0.5, 0.4]
    assert backend.got == [*((n, {"loss": x}) for n, x in enumerate(losses, 1)), "closed"]


def test_the_end_tries_again(server):
    backend, visualizer = server
    backend.up = False
    visualizer.add_scalars({"loss": 3.0}, step=1)
    backend.up = True
    visualizer.close()
    assert backend.got == [(1, {"loss": 3.0}), "closed"]


def test_the_end_without_a_server(server, monkeypatch):
    """It is not an error, and the warning has the reason and how much is lost."""
    warnings = []
    monkeypatch.setattr(sending, "print_log", lambda text, *_: warnings.append(text))
    backend, visualizer = server
    backend.up = False
    visualizer.add_scalars({"loss": 3.0}, step=1)
    visualizer.close()
    assert backend.got == []
    assert [text.partition(" The curves")[0] for text in warnings] == [
        f"Server cannot record this run now (connection refused). {what}"
        for what in ("It is tried again every 5 minutes.", "It has not got the last 1 messages.")
    ]
