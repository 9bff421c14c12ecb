"""What runs jobs: FireWorks, or a pool of processes on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from al_loop.loop.context import Context
from al_loop.store import JobRecord


class Executor(Protocol):
    """Sees to it that jobs are run, here or elsewhere, now or later."""

    def ensure(self, ctx: Context, jobs: Sequence[JobRecord]) -> None:
        """Put up the jobs that are not up yet; all belong to one stage of one iteration.

        Called again and again, by several processes at once: a job that is waiting or
        running already is left alone; one that has failed is given another try.
        """
        ...

    def withdraw(self, ctx: Context) -> None:
        """Take back all jobs of the campaign that do not run yet; what runs may end."""
        ...
