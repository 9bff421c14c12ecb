"""Run a job folder, whatever kind of job it holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from al_loop.explore import run_explore_job, run_score_job
from al_loop.explore.quench import run_quench_job
from al_loop.glass.make import run_glass_job
from al_loop.jobfolder import Clock, JobFolder, JobKind, JobResult
from al_loop.label import run_label_job
from al_loop.loop.glassmaking import run_validate_job
from al_loop.loop.measuring import run_measure_job
from al_loop.structures.rmc.job import run_rmc_job
from al_loop.train import run_describe_job, run_evaluate_job, run_train_job

RUNNERS: dict[JobKind, Callable[[JobFolder, Clock], JobResult]] = {
    "train": run_train_job,
    "evaluate": run_evaluate_job,
    "explore": run_explore_job,
    "label": run_label_job,
    "score": run_score_job,
    "describe": run_describe_job,
    "quench": run_quench_job,
    "rmc": run_rmc_job,
    "glass": run_glass_job,
    "validate": run_validate_job,
    "measure": run_measure_job,
}


def run_job(path: Path) -> JobResult:
    """Do the job of a folder, or return its result if it is already there.

    A second runner of the same folder on this host waits for the first one.

    Raises
    ------
    MachineError
        The job can be run again.
    """
    folder = JobFolder(path)
    clock = Clock()
    with folder.lock():
        if (done := folder.result()) is not None:
            return done
        folder.busy_with("")
        folder.check_inputs()
        return RUNNERS[folder.spec().kind](folder, clock)
