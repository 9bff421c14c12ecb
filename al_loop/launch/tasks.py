"""The two Firetasks of al_loop. A spec holds a folder and names, never code or secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from fireworks import FiretaskBase, FWAction, LaunchPad

from al_loop.errors import JobFolderError, JobStopped, MachineError
from al_loop.jobfolder import JobFolder
from al_loop.launch.child import preload_modules, run_job_in_child, start_fork_server
from al_loop.launch.guard import ADVANCE, COMPUTE
from al_loop.launch.launchpad import connection_of
from al_loop.loop.advance import advance
from al_loop.store import Store

MAX_TRIES = 2
"""Times that a job is tried in place when the machine fails; the next try is for another node."""

STOPPED = "stopped"
"""Key in a launch's stored data: the job was asked to stop and is to be run again."""


def is_whole(folder: Path) -> bool:
    """Whether a job's folder has all that it was given; if not, another try needs a new one."""
    try:
        JobFolder(folder).check_inputs()
    except JobFolderError:
        return False
    return True


class ComputeTask(FiretaskBase):  # type: ignore[misc]  # FireWorks is not typed
    """Run the job of a folder. Needs no database.

    ``engines`` are the names of the campaign's engines: the first job of a process has their
    modules imported, once for all jobs to come.

    A job that was asked to stop has not failed: its firework ends COMPLETED without the next task,
    and whoever looks next (its worker, or the next ``advance``) finds it due and runs it again.
    """

    _fw_name = COMPUTE
    required_params = ["folder", "engines"]  # noqa: RUF012  # FireWorks' own protocol

    import_once: ClassVar[bool] = True
    """False in a process that runs one job only: importing beforehand would not pay."""

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        """Run it in a process of its own."""
        folder = Path(self["folder"])
        if self.import_once:
            start_fork_server(preload_modules(self["engines"]), log=folder / "fork-server.log")
        for left in reversed(range(MAX_TRIES)):
            try:
                run_job_in_child(folder)
                break
            except JobStopped as stopped:
                return FWAction(exit=True, stored_data={STOPPED: stopped.what})
            except MachineError:
                if left == 0 or not is_whole(folder):
                    raise
        return FWAction()


class AdvanceTask(FiretaskBase):  # type: ignore[misc]  # FireWorks is not typed
    """Bring a job's result into the store and carry its campaign on.

    Offline there is no launchpad: the result stays in its folder until it is recovered.
    """

    _fw_name = ADVANCE
    required_params = ["campaign", "job"]  # noqa: RUF012  # FireWorks' own protocol
    launchpad: LaunchPad | None = None

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        """Advance; the launchpad's own connection is used, so that no secret is in the spec."""
        from al_loop.launch.workflows import FireworksExecutor

        if self.launchpad is None:
            return FWAction()
        connection = connection_of(self.launchpad)
        with Store(connection, patience=connection.patience) as store:
            progress = advance(
                store, self["campaign"], FireworksExecutor(self.launchpad), finished=self["job"]
            )
            job = store.jobs.get(self["job"])
        if job is not None and job.state == "due":
            raise JobFolderError("the job has left no result that can be used", where=job.id)
        return FWAction(stored_data={"progress": progress})
