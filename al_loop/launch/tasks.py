"""The two Firetasks of al_loop. A spec holds a folder and names, never code or secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fireworks import FiretaskBase, FWAction, LaunchPad

from al_loop.errors import JobFolderError, MachineError
from al_loop.launch.child import preload_modules, run_job_in_child, start_fork_server
from al_loop.launch.launchpad import connection_of
from al_loop.loop.advance import advance
from al_loop.store import Store

MAX_TRIES = 3
"""Times that a job is tried in place when the machine fails, before its firework FIZZLES."""


class ComputeTask(FiretaskBase):  # type: ignore[misc]  # FireWorks is not typed
    """Run the job of a folder. Needs no database.

    ``engines`` are the names of the campaign's engines: the first job of a process has their
    modules imported, once for all jobs to come.
    """

    _fw_name = "{{al_loop.launch.tasks.ComputeTask}}"
    required_params = ["folder", "engines"]  # noqa: RUF012  # FireWorks' own protocol

    def run_task(self, fw_spec: dict[str, Any]) -> None:
        """Run it in a process of its own."""
        folder = Path(self["folder"])
        start_fork_server(preload_modules(self["engines"]), log=folder / "fork-server.log")
        for left in reversed(range(MAX_TRIES)):
            try:
                run_job_in_child(folder)
                return
            except MachineError:
                if left == 0:
                    raise


class AdvanceTask(FiretaskBase):  # type: ignore[misc]  # FireWorks is not typed
    """Bring a job's result into the store and carry its campaign on."""

    _fw_name = "{{al_loop.launch.tasks.AdvanceTask}}"
    required_params = ["campaign", "job"]  # noqa: RUF012  # FireWorks' own protocol
    launchpad: LaunchPad

    def run_task(self, fw_spec: dict[str, Any]) -> FWAction:
        """Advance; the launchpad's own connection is used, so that no secret is in the spec."""
        from al_loop.launch.workflows import FireworksExecutor

        with Store(connection_of(self.launchpad)) as store:
            progress = advance(
                store, self["campaign"], FireworksExecutor(self.launchpad), finished=self["job"]
            )
            job = store.jobs.get(self["job"])
        if job is not None and job.state == "due":
            raise JobFolderError("the job has left no result that can be used", where=job.id)
        return FWAction(stored_data={"progress": progress})
