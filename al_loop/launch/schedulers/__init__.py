"""Queueing systems: what has become of a job that was handed to one."""

from al_loop.errors import UserError
from al_loop.launch.schedulers.interface import QueueJob, QueueState, Scheduler
from al_loop.launch.schedulers.pbs import Pbs
from al_loop.launch.schedulers.slurm import Slurm

__all__ = ["QueueJob", "QueueState", "Scheduler", "scheduler_for"]

_KINDS: dict[str, type[Slurm] | type[Pbs]] = {"SLURM": Slurm, "PBS": Pbs, "PBSPRO": Pbs}


def scheduler_for(kind: str) -> Scheduler:
    """Scheduler of a kind, by the name that it has in a queue adapter (``_fw_q_type``).

    Raises
    ------
    UserError
        al_loop cannot ask queues of this kind.
    """
    found = _KINDS.get(kind.upper())
    if found is None:
        raise UserError(
            f"{kind!r} is no kind of queue that al_loop can ask: it knows {', '.join(_KINDS)}",
            remedy="set `_fw_q_type` in the queue adapter file",
        )
    return found()
