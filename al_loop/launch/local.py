"""The local runner: the same loop and the same jobs, without FireWorks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from al_loop.campaign import CampaignSpec
from al_loop.errors import MachineError
from al_loop.launch.child import (
    engines_of,
    preload_modules,
    run_job_in_child,
    start_fork_server,
)
from al_loop.launch.submit import register
from al_loop.loop.advance import advance
from al_loop.loop.context import Context
from al_loop.store import CampaignRecord, JobRecord, Store


class LocalExecutor:
    """Runs jobs in child processes, a few at a time."""

    def __init__(self, cores: int) -> None:
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="job")
        self.running: dict[Future[None], JobRecord] = {}

    def ensure(self, ctx: Context, jobs: Sequence[JobRecord]) -> None:
        """Queue the jobs that are not queued."""
        queued = {job.id for job in self.running.values()}
        for job in jobs:
            if job.id not in queued:
                future = self._pool.submit(run_job_in_child, ctx.folder_of(job).path)
                self.running[future] = job

    def withdraw(self, ctx: Context) -> None:
        """Take back what has not begun."""
        for future in [future for future in self.running if future.cancel()]:
            del self.running[future]

    def take_finished(self, timeout: float) -> list[JobRecord]:
        """Jobs that have ended, well or not, after at most ``timeout`` seconds."""
        done, _ = wait(self.running, timeout=timeout, return_when=FIRST_COMPLETED)
        finished = []
        for future in done:
            job = self.running.pop(future)
            with contextlib.suppress(MachineError):  # its folder says why it failed
                future.result()
            finished.append(job)
        return finished

    def close(self) -> None:
        """Take nothing more; what runs is waited for."""
        self._pool.shutdown(cancel_futures=True)


def run_local(
    store: Store,
    spec: CampaignSpec,
    *,
    base: Path,
    cores: int,
    watch: Callable[[Store], None] = lambda _: None,
) -> CampaignRecord:
    """Run a campaign to its end in this process and its children, without FireWorks."""
    record = register(store, spec, base=base)
    if record.state == "failed":
        store.campaigns.set_state(spec.name, "running", "")
    start_fork_server(preload_modules(engines_of(spec)), log=Path(record.folder) / "workers.log")
    executor = LocalExecutor(cores)
    try:
        progress = advance(store, spec.name, executor)
        while progress not in ("ended", "paused"):
            watch(store)
            for job in executor.take_finished(timeout=0.25):
                progress = advance(store, spec.name, executor, finished=job.id)
                if (left := store.jobs.get(job.id)) is not None and left.state == "due":
                    progress = advance(store, spec.name, executor)
    finally:
        executor.close()
    watch(store)
    final = store.campaigns.get(spec.name)
    assert final is not None
    return final
