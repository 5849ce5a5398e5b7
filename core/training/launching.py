"""torch's elastic launcher as ``torchrun --standalone`` uses it, without its command line: processes of this machine that meet."""

from __future__ import annotations

from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

SECONDS_BETWEEN_LOOKS = 0.2


class NotFinished(Exception):
    """Processes ended badly more often than they may be started anew."""


def launched(command: Sequence[str], *, name: str, processes: int, restarts: int) -> None:
    """Run a command in so many processes until all have ended well; where one does not, all are started anew.

    Raises NotFinished where that was in vain.
    """
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=name, rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        local_addr="localhost", max_restarts=restarts, monitor_interval=SECONDS_BETWEEN_LOOKS,
    )  # fmt: skip
    try:
        elastic_launch(config, command[0])(*command[1:])
    except ChildFailedError as error:
        raise NotFinished(str(error)) from error
